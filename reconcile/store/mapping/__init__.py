"""The mapping of our tables, columns and words to the customer's."""
