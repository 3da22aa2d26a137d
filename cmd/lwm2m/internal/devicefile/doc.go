// Package devicefile reads descriptions of devices: YAML files that say what a device is called, which servers it knows,
// what Objects it has, and how their values change over time.
//
// [Parse] checks all of a file against the definitions of the Objects before anything is built from it, and tells each
// mistake with its line and column. [Schema] is the same grammar as a JSON Schema for editors: both come from the
// same tables of fields. The courses of values are functions of time without state that shows, see [Course];
// [Simulate] is what sets them at their pace.
package devicefile
