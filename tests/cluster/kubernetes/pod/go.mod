module pod

go 1.25.0
