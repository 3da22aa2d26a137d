// Package leshan runs Eclipse Leshan, an LwM2M server that nobody of this
// project wrote, and drives it from Go tests.
//
// What runs is Leshan's own server library in a Java process, release 2.0.0-M18,
// fetched once from Maven Central into a cache folder. A small program beside
// this file (gateway) gives it the HTTP interface of Leshan's demo server: calls
// come in as REST requests, and what happens in the server goes out as a stream
// of events. Every LwM2M and CoAP byte is Leshan's. [StartBootstrap] does the same
// with Leshan's bootstrap server, release 2.0.0-M15.
//
//	func TestRead(t *testing.T) {
//		server := leshan.Start(t, leshan.Options{})
//		events := server.MustEvents(t, "thermo-1")
//		// … a client registers at server.CoAP …
//		registered, err := events.Wait(ctx, leshan.Registered, nil)
//		result, err := server.Read(ctx, "thermo-1", "/3/0/0", leshan.TEXT)
//		// result.Code == "2.05", result.Content.Value == "Acme"
//	}
//
// # What it needs
//
// A JDK 17 or later and, the first time, Maven and a network. Where one of them
// is missing, tests are skipped and say so; with CI=true in the environment they
// fail instead.
//
// # Environment
//
//   - LWM2M_LESHAN_CACHE: the cache folder (default: lwm2m-go/leshan in the user's
//     cache folder).
//   - LWM2M_LESHAN_JAR: a class path to run instead of what Maven finds: either
//     Leshan's libraries or the demo server with its dependencies in one jar.
//   - LWM2M_LESHAN_BOOTSTRAP_JAR: the same for the bootstrap server, libraries only.
//   - JAVA_HOME: the JDK to use (default: java and javac on the PATH).
//
// # What to know about Leshan
//
//   - It speaks LwM2M 1.0 and 1.1. A client that registers with another version
//     gets 4.12.
//   - It knows a type only for objects it has a definition of: 0 to 7, 21, 3441
//     and 3442 are built in, Options.Models adds others. The definition is chosen
//     by the version in the object's link, so links should carry one (ver=1.1).
//   - It takes each integer in TLV for a signed one: an Unsigned Integer is read
//     right only if its top bit is clear or it has 8 bytes, and is written wrong from
//     2^63 on.
//   - In SenML and in OMA's JSON it writes an Objlnk as a string ("vs", "sv"),
//     though it reads "vlo" and "ov".
//   - It does not send what contradicts its definitions. For an object that it has
//     no definition of, it sends values of any type.
//   - A Read or Observe answer with more than one timestamp is refused (HTTP 500);
//     in Notify and Send several are accepted.
//   - A SenML time whose sum with the base time has more than nine decimals has the whole
//     message dropped, after it was acknowledged ([NotificationFailed]).
//   - It does not know the attributes of LwM2M 1.2 (con, edge, hqmax).
//   - A De-register ends the calls that are under way, also those whose answer is just
//     being delivered (HTTP 500).
//   - With a certificate of its own it asks every client for one, unless a pre-shared
//     key is agreed on; a client whose common name is not its endpoint's name is
//     refused at Register (4.03), not in the handshake.
//   - Its bootstrap server writes Resources that nobody asked for (see
//     [BootstrapAccount]), goes on after an error, and fails a session only if
//     an answer is missing or Finish is refused.
//   - LwM2M errors are results, not Go errors: see [Result] and [HTTPError].
package leshan
