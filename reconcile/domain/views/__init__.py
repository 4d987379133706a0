"""Values for display: content of the page, gauges, findings of the doctor."""
