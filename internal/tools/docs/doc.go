// Package docs tests the documentation: that its Go code compiles and its tests
// pass, that its links lead somewhere, and that it keeps up with the code.
package docs
