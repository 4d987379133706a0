"""What people and monitoring systems are shown: the page's facts, gauges and the doctor's findings."""
