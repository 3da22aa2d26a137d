//go:build !race

package lwm2m_test

const (
	manyObservations = 10_000
	someSeeds        = 20 // of TestTwoWeeks
	takesCensus      = true
)
