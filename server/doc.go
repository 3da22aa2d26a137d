// Package server is a LwM2M Server and Bootstrap-Server as a library: Clients register with it, and the
// program reads, writes, executes and observes them. It is made for tests of devices
// and for tools rather than for fleets in the field: each operation returns exactly
// what the device answered, everything that happens is an event, and the Server can
// play one in trouble.
//
//	s, err := server.New(server.Config{})
//	// ...
//	go s.ListenAndServe(ctx, "127.0.0.1:5683")
//	device, err := s.WaitRegistered(ctx, "thermo-1")
//	// ...
//	response, err := device.Read(ctx, model.PathOf(3303, 0, 5700), server.ReadOptions{})
//	// err: no answer; response.Err(): an answer that refuses
//	value, ok := response.Value(model.PathOf(3303, 0, 5700))
//
// Package lwm2mtest runs one for the time of a test.
//
// # Registrations
//
// LwM2M 1.0, 1.1 and 1.2 are accepted, unless Config.Versions says otherwise. A Registration
// ends when the Client de-registers or registers anew, or when its lifetime passes
// without an Update; there is no grace period. What the standard does not allow is
// refused with its code and a reason in the payload:
//
//   - 4.00 a parameter that is missing, given twice or not valid, a
//     binding that the version does not have, links that cannot be read,
//     a message that is not confirmable;
//   - 4.04 an Update or De-register of a location that does not exist;
//   - 4.12 a version that is not supported;
//   - 4.15 links in another format than 40;
//   - 5.03 more Clients than Config.MaxRegistrations.
//
// A missing lwm2m stands for 1.0, a missing lt for 86400 s and a missing b for U in
// every version. Unknown parameters are kept in Registration.Extra.
//
// # Bootstrap
//
// With Config.Bootstrap a Server is a Bootstrap-Server too, with a configuration for each endpoint: server
// accounts, an account for the Bootstrap-Server itself, access control, and anything else to write. It answers a
// Bootstrap-Request and then deletes, writes and finishes; each answer is an event:
//
//	account := server.ServerAccount{URI: "coap://lwm2m.example.com", Security: server.NoSec{}}
//	s, err := server.New(server.Config{Bootstrap: &server.Bootstrap{
//		Endpoints: map[string]server.BootstrapConfig{"thermo-1": {Servers: []server.ServerAccount{account}}},
//	}})
//
// A configuration may have a script instead, or leave each operation to a test, see [Server.WaitBootstrap].
//
// # Security
//
// [Server.ListenSecure] speaks DTLS by Config.Credentials. Without (NoSec), a Client is whoever knows the
// location that it was given, which cannot be guessed, and whoever sends from its address: for networks for tests
// only.
//
// # Events
//
// Config.OnEvent is told of everything; [Server.Events] keeps events until they are
// taken, so that a test misses none between an action and its effect:
//
//	events := s.Events()
//	device.Write(ctx, model.PathOf(1, 0, 1), model.IntegerValue(60), server.WriteOptions{})
//	event, err := events.WaitFor(ctx, server.Updated, "thermo-1")
//	// event.Query is [lt=60]
//
// # Trouble
//
// Config.Intercept answers a request of a Client with any code, or not at all.
// [Server.Forget] drops a Registration behind the Client's back. [Device.Do] sends
// any request, right or wrong. Package lwm2mtest has a network that loses datagrams.
//
// # Concurrency
//
// One goroutine runs the protocol. All methods may be called from any goroutine, and
// those that wait end with their context. Callbacks run on other goroutines and may
// call everything, except for Config.Trace.
package server
