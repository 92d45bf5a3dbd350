// Package foldtest is for tests: of a cache's users, and of tiers that others
// write.
//
// [TestStore] and [TestNear] hold a tier to its contract. An [Engine] is a far
// tier in memory whose connections fail as a test wants, a [Source] counts the
// loads it serves and fails likewise, and a [Gate] holds up whoever comes to
// it. All of them work inside a bubble of testing/synctest, where the time they
// take is none.
package foldtest
