// Package model is the vocabulary that LwM2M Clients and Servers share: paths,
// values, attributes, and the definitions of Objects and Resources.
//
// A [Path] names a place in a client's data, a [Value] is what is there. An
// Object definition ([Object], [Resource]) says what may be there; definitions
// are read from the OMA registry's XML format.
package model
