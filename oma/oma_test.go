package oma_test

import (
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/handles"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
)

func TestDevice(t *testing.T) {
	d := oma.NewDevice()
	if d.Path() != lwm2m.PathOf(3, 0) || d.Object().Version != (lwm2m.Version{Major: 1, Minor: 1}) {
		t.Errorf("%v, version %v", d.Path(), d.Object().Version)
	}
	handles.Check(t, d, d.Object())
	if err := d.Manufacturer.Set("Acme"); err != nil {
		t.Error(err)
	}
	if v, ok := d.Get(0); !ok || v != model.StringValue("Acme") {
		t.Errorf("Resource 0: %v %v", v, ok)
	}
	if err := d.BatteryLevel.Set(101); err == nil || err.Error() != "4.00 Bad Request: /3/0/9: Battery Level (9): value out of range: 101 is not in 0..100" {
		t.Errorf("battery of 101 %%: %v", err)
	}
}

func TestServer(t *testing.T) {
	s := oma.NewServer(7, 102)
	if s.Path() != lwm2m.PathOf(1, 7) || s.Object().Version != (lwm2m.Version{Major: 1, Minor: 1}) {
		t.Errorf("%v, version %v", s.Path(), s.Object().Version)
	}
	handles.Check(t, s, s.Object())
	if v, ok := s.ShortServerID.Get(); !ok || v != 102 {
		t.Errorf("Short Server ID %v %v", v, ok)
	}
}

func TestAccessControl(t *testing.T) {
	a := oma.NewAccessControl(7, lwm2m.PathOf(3303, 5), 101)
	handles.Check(t, a, a.Object())
	if err := a.Grant(102, model.RightRead|model.RightExecute); err != nil {
		t.Error(err)
	}
	if v, ok := a.ACL.Get(102); !ok || v != 5 || a.Path() != lwm2m.PathOf(2, 7) {
		t.Errorf("ACL %v, %v of %v", v, ok, a.Path())
	}
	for _, test := range []struct {
		target           lwm2m.Path
		owner            uint16
		object, instance int64
	}{
		{lwm2m.PathOf(3303, 5), 101, 3303, 5}, {lwm2m.PathOf(3303, 5, 5700), 101, 3303, 5}, {lwm2m.PathOf(16), oma.NoOwner, 16, 65535},
	} {
		a := oma.NewAccessControl(0, test.target, test.owner)
		object, _ := a.ObjectID.Get()
		instance, _ := a.ObjectInstanceID.Get()
		owner, _ := a.AccessControlOwner.Get()
		if object != test.object || instance != test.instance || owner != int64(test.owner) {
			t.Errorf("%v: %d, %d, %d", test.target, object, instance, owner)
		}
	}
}
