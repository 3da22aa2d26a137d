//go:build race

package lwm2m_test

// These are fewer with the race detector, which makes everything ten times slower.
const (
	manyObservations = 5000
	someSeeds        = 4
	takesCensus      = false // it reads what other goroutines write later, ordered by virtual time alone
)
