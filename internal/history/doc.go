// Package history keeps the samples of one Resource until those who want them
// have acknowledged them: a bounded queue with several readers, one for each
// Server. Nothing is lost in silence: a sample is kept, has been acknowledged by
// all readers, or is counted as dropped.
//
// It knows no clock and no lock; the owner brings both.
package history
