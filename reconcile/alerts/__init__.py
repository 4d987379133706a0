"""The alert channels: each implements ``AlertChannel`` and is imported when its first message is sent."""
