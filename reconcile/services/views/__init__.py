"""What commands and the page show: status, explanations, lists and history."""
