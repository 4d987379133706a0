"""Which tables, columns and words of the customer's database stand for ours."""
