// Package lwm2mtest helps to test LwM2M Clients, as net/http/httptest does for HTTP:
// a [Server] that lives as long as a test, and a [Network] within the process that
// loses, delays, repeats and damages datagrams as it is told.
//
//	func TestThermostat(t *testing.T) {
//		srv := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})
//		startDevice(t, srv.URI()) // the program under test
//		device := srv.WaitRegistered("thermo-1")
//		response, err := device.Read(t.Context(), model.PathOf(3303, 0, 5700), server.ReadOptions{})
//		...
//	}
//
// [NewBootstrapServer] gives the program under test its account first, as [Server.WaitBootstrap] does for a test that
// sends each operation of a bootstrap by hand.
//
// # Time
//
// The in-memory network and the Server work in the virtual time of testing/synctest:
// a test of a lifetime of a day takes milliseconds. Make both inside of
// synctest.Test. UDP needs real time.
package lwm2mtest
