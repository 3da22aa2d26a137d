package model

import "testing"

func TestRights(t *testing.T) {
	for r, want := range map[Rights]string{
		0: "none", RightRead: "R", 2: "W", 4: "E", 8: "D", 16: "C", 15: "RWED", AllRights: "RWEDC", RightRead | RightDelete: "RD", 32: "none",
	} {
		if got := r.String(); got != want {
			t.Errorf("%d is %s, want %s", r, got, want)
		}
	}
	if r := RightRead | RightWrite; !r.Has(RightWrite) || r.Has(RightRead|RightExecute) || !r.Has(0) {
		t.Error("Has")
	}
}
