// Package bench holds the benchmarks of the whole client: the way of a request
// from the socket to the answer, beside a raw UDP echo measured in the same run,
// and the memory of idle clients.
package bench
