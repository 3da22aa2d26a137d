package registration

import (
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// enablers are the versions of LwM2M, the highest first.
var enablers = [...]model.Version{model.Version12, model.Version11, model.Version10}

// versionRefused goes on after the answer 4.12 to a Register, which is about the
// version that was asked for (Core 1.1.1 §6.2.1): at once with the next lower
// version that may be, or as after any refusal.
func (m *Machine) versionRefused(now time.Time, a Answer) {
	err := fmt.Errorf("%w: %w %v", refusal(Register, a), ErrVersion, m.version)
	if lower := m.lowerVersion(); !lower.IsZero() {
		event := Event{Kind: RegistrationFailed, Err: err, Attempt: int(m.attempt)}
		m.version = lower
		m.attempt-- // this one goes on
		m.wait(now, event, 0)
		return
	}
	m.version = m.config.version() // for the next attempt: the Server may know more by then
	m.fail(now, RegistrationFailed, fmt.Errorf("%w; configure another version", err), 0)
}

// lowerVersion is the next version that Config.MinVersion allows, or zero.
func (m *Machine) lowerVersion() model.Version {
	lowest := m.config.MinVersion
	for _, v := range enablers {
		if v.Compare(m.version) < 0 && !lowest.IsZero() && v.Compare(lowest) >= 0 {
			return v
		}
	}
	return model.Version{}
}
