// Package interop tests the client library against LwM2M servers that nobody of
// this project wrote, over real sockets. Package leshan, below, runs Eclipse Leshan,
// package libcoap the programs of libcoap, with tests of its own.
//
// The tests named after a number, such as TestETS101InitialRegistration, are the
// cases of OMA's Enabler Test Specification for LwM2M with that number.
//
// What a server needs to run and how to point the tests at it is in the
// documentation of its package. Without it the tests are skipped.
package interop
