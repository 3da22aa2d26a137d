// Package store keeps the state of LwM2M clients over restarts: [Open] gives a folder of files
// for lwm2m.Config.Store, [Memory] keeps it for a test.
//
// # The folder
//
// A value is kept under its key in two files, which are written in turn: the newest value, and the
// one before it. Each has a format version, a number that tells which is newer, and a SHA-256 sum. A
// file is written under another name, synced, and renamed, and then the folder is synced; so whatever
// moment the power fails at, a key has its old value or its new one. If a file is damaged later, by
// the medium or by hand, the other one is used, and [ErrDamaged] says so.
//
// The values contain keys of servers. The folder is made with mode 0700 and the files with 0600;
// looser modes of files are mended by [Open], and a folder in which others may write is refused. On Windows the
// access rights are those that the folder inherits. One process at a time has the folder: its file
// "lock" sees to that on Unix and Windows.
//
// Do not give a folder that was in use to a client again, as from a backup or an image of a
// device: it may contain DTLS sessions that have been used since, and whose keys must not encrypt
// twice from the same point. Leave out the files whose names contain "sessions".
package store
