"""A run's results: report, receipt, cadence."""
