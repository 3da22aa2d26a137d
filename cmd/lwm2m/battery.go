package main

// The simulated battery loses a percent every few samples down to almostEmpty; then it is
// charged, faster, until it is full.
const (
	samplesPerPercent = 20
	chargedPerSample  = 1
	almostEmpty       = 15
	lowLevel          = 20 // below it the device reports the error lowBattery
	full              = 100
)

// Values of Battery Status (Resource /3/0/20).
const (
	batteryNormal   = 0
	batteryCharging = 1
)

// batteryAt is the battery's level in percent at a sample, and its status.
func batteryAt(sample int) (level, status int64) {
	const down = (full - almostEmpty) * samplesPerPercent
	const up = (full - almostEmpty) / chargedPerSample
	at := sample % (down + up)
	if at < down {
		return int64(full - at/samplesPerPercent), batteryNormal
	}
	return int64(almostEmpty + (at-down)*chargedPerSample), batteryCharging
}
