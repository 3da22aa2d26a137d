// Package shell is the command language for a device: verbs such as read, write, start, stop and send that do by hand,
// or by script, what a device does. It has no terminal code; the program lwm2m has that.
//
// A [Device] has Objects and can be started and stopped any number of times. A [Shell] runs lines of commands on it:
//
//	device, err := shell.NewDevice(shell.DeviceConfig{})
//	// …
//	defer device.Close(context.Background())
//	sh := shell.New(shell.Config{Device: device, Out: os.Stdout})
//	err = sh.Run(ctx, "write 0/0/0 coap://localhost; write 0/0/2 3; write 0/0/10 1; create 1/0; start thermo-1")
//
// # Lines
//
// A line has commands, separated by semicolons; one that fails does not keep the next from being run. A command is a
// verb and its arguments, separated by spaces. The word lwm2m before the verb means nothing. What stands between
// quotes, single or double, is one argument; within double quotes, and outside of quotes, a backslash takes its
// meaning from the next character. A quoted part that follows an equals sign stays as it is, quotes included, as the
// arguments of an Execute need them: exec /3/0/4 0='now'. From a # at the beginning of a word on, the line is a comment.
//
// # Paths
//
// Paths have numbers or names, with or without a slash in front: /3/0/0, 3/0/0, /device/0/manufacturer. Case, spaces,
// hyphens and underscores in names do not count, and the beginning of a name is enough if no other begins so.
package shell
