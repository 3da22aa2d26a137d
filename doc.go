// Package lwm2m is a client for OMA Lightweight M2M, the protocol by which servers
// manage devices: it registers with LwM2M Servers, and they read, write, execute,
// create, delete, discover and observe what the device offers.
//
//	device := oma.NewDevice()
//	device.Manufacturer.Set("Acme")
//	temp := ipso.NewTemperature(0)
//	temp.SensorUnits.Set("Cel")
//	client, err := lwm2m.NewClient(lwm2m.Config{
//		Endpoint: "thermo-1",
//		Servers:  []lwm2m.ServerAccount{{URI: "coap://lwm2m.example.com", Security: lwm2m.NoSec{}}},
//		Objects:  []lwm2m.ObjectInstance{device, temp},
//		OnEvent:  func(e lwm2m.Event) { log.Print(e) },
//	})
//	// handle err; ctx comes from signal.NotifyContext
//	go measure(ctx, temp.SensorValue.Set)
//	err = client.Run(ctx) // registers and serves; de-registers when ctx ends
//
// # Objects
//
// A device's data is a tree: Objects such as Device (3) or Temperature (3303),
// their Object Instances, and the Resources of those. Packages oma and ipso have
// typed objects, so that a value of the wrong type does not compile. Any other
// Object is an [Instance] of a definition, which model.ReadObjects reads from OMA's
// XML; [ResourceOf] and its kin make typed handles to it, and
// [Client.Get] and [Client.Apply] take paths.
//
// A Resource is there for servers once it has a value or an OnRead callback, an
// [Executable] once it has a callback. With a [Factory], servers can create
// instances of an Object.
//
// # Changes
//
// Set changes one value, [Client.Apply] several at once: servers never see half of them. Who observes a
// changed value is notified. All of it may be called from any goroutine.
//
// # Callbacks
//
// OnRead, OnWrite, OnExecute and their kin run on goroutines of their own, never on
// the one that speaks with servers, and may take their time: the server is told meanwhile
// that its request has arrived. They may call any method of the client.
// Callbacks of one Object Instance that change something run one after another, those that read run
// beside them. A callback's context ends when the client's Host does. An error is the answer to the
// server: its [Code] if it has one, such as fmt.Errorf("%w: too hot", lwm2m.BadRequest), else 5.00. A
// panic is caught, logged, told as the event [CallbackPanicked], and answered 5.00.
//
// A Write is all or nothing, over several Resources too: if the callback of one rejects it, nothing is stored, and
// the callbacks that had accepted their values are called again with the former ones.
//
// # Sending and history
//
// [Client.Send] sends current values to the servers on the device's own initiative, and [Client.SendSamples]
// values of any time; the result tells what became of them. [Resource.KeepHistory] has a Resource keep the values
// that are set, each with its time, until notifications or Sends in SenML have brought them to the servers: what is
// not acknowledged stays, what a full history drops is counted and told by the event [HistoryDropped].
//
// # Observations
//
// Servers observe what they like and attach attributes, which say when a change is worth a
// notification: pmin, pmax, gt, lt, st, epmin, epmax, and since LwM2M 1.2 edge, con and hqmax. Nothing needs to
// be done for it but Set. A notification tells the newest state; with [Resource.KeepHistory] it tells all
// since the last one. While a server is out of reach, notifications are stored, if it wants that,
// and told with their times when it is back; what has to be dropped is counted by the event
// [NotificationsDropped]. [Client.Explain] tells why nothing is being sent.
//
// # Registration
//
// The client registers with each of its servers, renews registrations before they
// expire, and tries again after failures: five times at growing intervals from
// 60 s, then once a day, or as Resources 17 to 20 of the Server Object say. [Event] tells each step and when the next is due.
//
// # Bootstrap
//
// An account with Bootstrap set is that of a Bootstrap-Server, which gives the client its other accounts: when there are
// none, when servers do not accept the client, and when one of them or the application, by [Client.Bootstrap], asks for
// it. A session works on a copy of the Objects: it takes effect as a whole at Bootstrap-Finish, or not at all, and the client goes on
// with what worked before. Callbacks are asked at that moment, and what the client cannot work with is
// refused with the reason. Config.FactoryData is the same out of a file.
//
// # Security
//
// A connection is protected by DTLS 1.2, with a pre-shared key, [PSK], or with certificates, [X509]. There is no
// default: [NoSec], which goes without, has to be written out, and a forgotten Security is an error. Keys never get
// into logs. The client offers connection IDs, so that a new address changes nothing with servers that give one, and
// resumes sessions. After a full handshake it registers anew, otherwise the registration lives on;
// Event.Handshake tells.
//
// With several servers, instances of the Access Control Object in Config.Objects say what each may do, see
// oma.AccessControl; [Client.ExplainAccess] tells why something was refused.
//
// # Time
//
// Timers use the monotonic clock; setting the wall clock moves none of them. Inside
// testing/synctest with the network of package lwm2mtest, a client runs in virtual time.
//
// # Many clients
//
// [Host] runs any number of clients on a few goroutines.
package lwm2m
