package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/cmd/lwm2m/internal/devicefile"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/shell"
	"github.com/lwm2m-go/lwm2m/store"
	"github.com/spf13/cobra"
)

func addDeviceFile(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "file", "f", "", "`file` that describes the device, in YAML; flags win over what it says")
}

// readDeviceFile reads a device file.
func readDeviceFile(cmd *cobra.Command, name string) (*devicefile.File, error) {
	file, err := devicefile.Read(name)
	if _, ok := errors.AsType[*devicefile.Error](err); !ok && err != nil {
		return nil, usagef("--file: %v", err)
	}
	return file, told(cmd.ErrOrStderr(), err)
}

// told tells the mistakes of a device file, one a line. Other errors are left to be told.
func told(w io.Writer, err error) error {
	if _, ok := errors.AsType[*devicefile.Error](err); !ok {
		return err
	}
	fmt.Fprintln(w, err)
	return &toldError{err, exitUsage}
}

// describedDevice is a device that a file describes.
type describedDevice struct {
	*shell.Device
	file     *devicefile.File
	accounts bool          // it knows a server
	folder   *store.Folder // of the state; nil if nothing is kept
	still    context.CancelFunc
	driver   sync.WaitGroup
}

// newDescribed makes a device that is stopped, from what is common to all and what a file says.
func newDescribed(file *devicefile.File, config shell.DeviceConfig, out *terminal) (*describedDevice, error) {
	d := &describedDevice{file: file, still: func() {}}
	config.Client.Version, config.Client.BootstrapPack = file.Version, file.BootstrapPack
	config.Client.QueueMode, config.Client.AwakeTime = file.QueueMode, file.AwakeTime
	config.Definitions = file.Definitions
	accounts, err := file.Accounts(file.Version)
	if err != nil {
		return nil, usagef("%v", err)
	}
	d.accounts = len(accounts) > 0
	var factory []*lwm2m.Instance
	for _, in := range accounts {
		if ofAccounts(in) {
			config.Objects = append(config.Objects, in)
		} else if len(file.FactoryData) > 0 {
			factory = append(factory, in)
		}
	}
	if file.State != "" {
		if d.folder, err = openState(file.State, out); err != nil {
			return nil, err
		}
		config.Client.Store = d.folder
	}
	if d.Device, err = shell.NewDevice(config); err == nil {
		err = d.fill(factory)
	}
	if err != nil {
		d.end(context.Background())
		return nil, err
	}
	return d, nil
}

// ofAccounts reports whether an instance is part of what a device knows of servers: of Security, Server, Access Control
// or OSCORE.
func ofAccounts(in *lwm2m.Instance) bool {
	return slices.Contains([]uint16{0, 1, 2, 21}, in.Object().ID)
}

// fill gives the device the values from the factory, and those of the file.
func (d *describedDevice) fill(factory []*lwm2m.Instance) error {
	for _, in := range factory {
		if err := d.ensure(in.Path()); err != nil {
			return err
		}
		for _, def := range in.Object().Resources {
			if err := d.set(in.Path().Child(def.ID), valuesOf(in, def.ID)); err != nil {
				return err
			}
		}
	}
	for _, p := range d.file.Instances {
		if err := d.ensure(p); err != nil {
			return err
		}
	}
	for _, s := range d.file.Settings {
		err := d.set(s.Path, s.Values)
		if err == nil && s.History > 0 {
			err = d.Cache(s.Path, s.History)
		}
		if err != nil {
			return &devicefile.Error{File: d.file.Name, Line: s.Line, Column: s.Column, Reason: fmt.Sprintf("%v: %v", s.Path, err)}
		}
	}
	return nil
}

// valuesOf are those of a Resource; none if it is not there.
func valuesOf(in *lwm2m.Instance, resource uint16) (values []lwm2m.Sample) {
	p := in.Path().Child(resource)
	if v, ok := in.Get(resource); ok {
		return []lwm2m.Sample{{Path: p, Value: v}}
	}
	for id, v := range in.Items(resource) {
		values = append(values, lwm2m.Sample{Path: p.Child(id), Value: v})
	}
	return values
}

// ensure makes an Object Instance, if the device does not have it.
func (d *describedDevice) ensure(p lwm2m.Path) error {
	if slices.ContainsFunc(d.Instances(), func(in *lwm2m.Instance) bool { return in.Path() == p }) {
		return nil
	}
	return d.Create(p)
}

// set makes the values of a Resource those; of a Multiple-Instance Resource there are no others then.
func (d *describedDevice) set(p lwm2m.Path, values []lwm2m.Sample) error {
	if len(values) == 0 {
		return nil
	}
	ctx := context.Background()
	if values[0].Path.Depth() == 4 {
		former, _ := d.Read(ctx, p) // there may be none
		for _, v := range former {
			if err := d.Delete(v.Path); err != nil {
				return err
			}
		}
	}
	for _, v := range values {
		if err := d.Write(v.Path, v.Value); err != nil {
			return err
		}
		got, err := d.Read(ctx, v.Path)
		if err != nil {
			return err
		}
		if len(got) != 1 || !alike(got[0].Value, v.Value) {
			return errors.New("the device gives this value itself; leave it out")
		}
	}
	return nil
}

// alike reports whether a value is the one that was written; a clock goes on meanwhile.
func alike(got, written lwm2m.Value) bool {
	return got.Equal(written) || got.Kind() == model.Time && got.Time().Sub(written.Time()).Abs() < clockSlack
}

// clockSlack is what a clock may have gone on, or what it leaves out of a second.
const clockSlack = 10 * time.Second

// simulate has the values change that change by themselves, until the device or ctx ends.
func (d *describedDevice) simulate(ctx context.Context) {
	ctx, d.still = context.WithCancel(ctx)
	d.driver.Go(func() { devicefile.Simulate(ctx, d.file.Simulated, d.Write) })
}

// end stops the device, with a De-register, and ends all that belongs to it. Once ctx has ended it does not wait for the
// server.
func (d *describedDevice) end(ctx context.Context) {
	d.still()
	d.driver.Wait()
	if d.Device != nil {
		d.Close(ctx)
	}
	if d.folder != nil {
		d.folder.Close()
	}
}
