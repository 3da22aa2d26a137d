//go:build race

package lwm2m_test

// manyObservations are fewer with the race detector, which makes everything ten times slower.
const manyObservations = 5000
