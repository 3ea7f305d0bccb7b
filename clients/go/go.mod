module tenant-registry.breakpilot.com/clients/go/customerlife

go 1.23

require tenant-registry.breakpilot.com/clients/go v0.0.0

// The client that `make clients` generates.
replace tenant-registry.breakpilot.com/clients/go => ../../target/clients/go
