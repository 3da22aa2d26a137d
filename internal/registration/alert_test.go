package registration

import "testing"

func TestReactionTo(t *testing.T) {
	tests := map[AlertReaction][]uint8{
		AlertRetry:  {0, 10, 20, 21, 22, 40, 47, 50, 51, 70, 71, 80, 90, 100, 111, 1, 255},
		AlertFail:   {42, 43, 44, 45, 46, 48, 49, 112, 113, 114, 115},
		AlertIgnore: {30, 41, 60, 110},
	}
	for want, alerts := range tests {
		for _, alert := range alerts {
			if got := ReactionTo(alert); got != want {
				t.Errorf("alert %d: %v, want %v", alert, got, want)
			}
		}
	}
}
