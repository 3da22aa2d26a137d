// Package walls checks the structure of this module: which package may import
// which, what the core may not do, how long things may get, and what Go code
// here never has. Its test runs the checks over the module's own source.
//
// The checks read source text, so they see the files of every platform, and
// they can be tested on modules that exist in memory only.
package walls
