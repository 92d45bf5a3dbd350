package fencemodel

import (
	"fmt"
	"slices"
)

// The sizes of a state. It is one flat value, so that it hashes at once.
const (
	maxProcs   = 3
	maxKeys    = 2
	maxTiers   = 2
	maxFlights = 6
	maxActors  = 6
)

// Naive is a set of simpler protocols: each takes one rule away.
type Naive uint64

// The rows of the table, and some more.
const (
	FenceAfterFarRead Naive = 1 << iota
	CheckThenStore
	PushKeepsFlight
	NearBeforeFar
	PublishBeforeFar
	TopDeletedFirst
	TopFilledFirst
	PlainFill
	CASRestarts
	FailoverKeepsLeases
	GenerationAfterLoad
	Restamp
	JoinerTrusts
	NoSecondLook
	RefreshIgnoresFence
	StoreAfterRefusal

	FillKeepsLease
	SetLeavesFlight
	SetHoldsNoTicket
	ArmAfterAnswer
	ReleaseSaysNothing
	BatchWaits
	ClearBeforeListening
	DirtyTierAlone
	TableRestarts
	NoLeaseEnd
	LoadBeforeLease
	JoinerTakesExpired
	JoinerLooksBetween
	SetLeavesLater
)

// A Kind is what an actor does, once.
type Kind uint8

// The kinds of actors.
const (
	Get           Kind = iota // of one key
	GetMany                   // of both keys
	Write                     // changes the source, then deletes the key
	Delete                    // deletes the key, with no change of the source
	Set                       // changes the source, then sets the key
	InvalidateTag             // changes the source of both keys, then bumps the tag that all carry
)

// An Actor is one call in one process.
type Actor struct {
	Kind Kind
	Proc uint8
	Key  uint8
}

// A Fence is one run's bounds: who calls, what is there, and how often what
// can go wrong. An order of steps may have any of the latter, at any point, as
// often as is written here.
type Fence struct {
	Actors []Actor
	Far    uint8 // far tiers
	Push   bool  // changes are pushed to other processes
	Tags   bool
	Setter bool // the engine can set in one step
	CAS    bool // tokens are counters that restart with the engine
	Naive  Naive

	Fresh bool // nothing is cached at the start; else every mix of tiers with the first value

	Expire    uint8 // a lease ends while its holder lives
	Evict     uint8 // a near entry, or an engine's value, is evicted
	Age       uint8 // a cached value enters its stale window
	FailLoad  uint8
	FailAsk   uint8 // an Acquire fails, and may have been granted
	FailDrop  uint8 // a far tier's Delete fails
	LateFill  uint8 // a fill is not answered: done, not done, done later, or done twice
	Crash     uint8 // of a whole process, CrashProc
	Restart   uint8 // of an engine: all is lost
	Failover  uint8 // to a replica that lags
	Gap       uint8 // in the stream of pushes
	LoseTable uint8 // of tags
	Impatient bool  // whoever waits for a lease may go on without
	CrashProc uint8

	MaxLoads uint8 // of the source; 0: any number
	Finish   bool  // see Model.Finish
}

type entry struct {
	v, stamp, epoch uint8 // v is the version of the source; 0: nothing
	stale           bool
}

type engineKey struct {
	entry
	lease, conn uint8 // the token, and the connection's generation it was granted in; 0: none
	counter     uint8 // with CAS: the last token given
	self        bool  // the last holder failed: load without a lease
}

type flight struct {
	pc, proc, key uint8
	then          uint8 // FenceAfterFarRead: where it goes on with its fence
	tier          uint8
	batch         uint8 // 1 + the GetMany that began it, 0: none
	stamp, epoch  uint8 // the fence for tags
	got           entry // what it has read
	early         entry // a stale item that answers its callers already
	lease, conn   [maxTiers]uint8
	waited        uint8 // holders that it waited for and that failed
	background    bool  // near had a stale value
	armed, woken  bool
	refused       bool // a fill was
	dead          bool // what it has read is beyond its TTL by now
	healed        bool // it has deleted an item that tags had invalidated
}

type actor struct {
	pc     uint8          // of a reader: aBegin or aDone, and per key at
	at     [maxKeys]uint8 // where a reader is with a key
	flight [maxKeys]uint8 // whom it waits for, or its write ticket: 1 + index, 0: none
	need   [maxKeys]uint8 // a reader must not be given an older one
	seq    [maxKeys]uint8 // of the tag table, when it entered
	again  [maxKeys]bool  // it refuses flights from before its entry

	ver    uint8 // a writer's version
	lost   uint8 // what ver was, before a failover lost the deletion
	tier   uint8 // where a setter is
	failed bool  // a far tier's Delete did
	lease  uint8 // a setter's
	conn   uint8
}

type lateFill struct {
	tier, key, lease, conn uint8
	got                    entry
	done                   bool // and was done once already
}

type tagTable struct{ epoch, seq, gen uint8 }

// A fence is one state of the whole system.
type fence struct {
	src  [maxKeys]uint8 // the version the source has
	near [maxProcs][maxKeys]entry
	flow [maxProcs][maxKeys]uint8 // the key's flight: 1 + index, 0: none

	far     [maxTiers][maxKeys]engineKey
	replica [maxTiers][maxKeys]engineKey
	conn    [maxTiers]uint8
	table   tagTable
	copies  [maxProcs]tagTable

	pending [maxProcs]uint8 // pushes under way: a bit an actor
	deaf    [maxProcs]uint8 // the stream has a gap: 0 no, 1 not noticed, 2 half mended
	dirty   [maxProcs][maxKeys]uint8
	late    lateFill

	flights [maxFlights]flight
	actors  [maxActors]actor
	budget  budget

	// What the properties need to remember.
	acked  [maxKeys]uint8           // the newest acknowledged Delete
	need   [maxProcs][maxKeys]uint8 // what a Get that begins now must not be older than
	tagVer [maxKeys]uint8           // what the last bump invalidated up to
	loads  uint8
	bad    uint8
}

type budget struct {
	expire, evict, age, failLoad, failAsk, failDrop, lateFill, crash, restart, failover, gap, loseTable uint8
}

// What can break.
const (
	fine = iota
	oldAnswer
	wouldBeOld
	oldFar
	secondFill
	loadsAgain
	sleepsOut
	oneByOne
	goesBack
)

var faults = [...]string{
	fine:       "",
	oldAnswer:  "a Get is given a value older than a change acknowledged before it began",
	wouldBeOld: "a Get that begins now is given a value older than a change acknowledged before",
	oldFar:     "a far tier holds a value older than an acknowledged Delete",
	secondFill: "two fills of one lease are accepted",
	loadsAgain: "the source is asked once more than need be",
	sleepsOut:  "a caller waits for a lease that nobody holds",
	oneByOne:   "a caller waits for a second holder after one failed",
	goesBack:   "a fill overwrites a newer value",
}

// Model makes the model of f.
func (f Fence) Model() Model[fence] {
	return Model[fence]{
		Start:  f.starts(),
		Next:   f.next,
		Bad:    f.bad,
		Done:   f.done,
		Finish: f.Finish,
	}
}

func (f *Fence) is(n Naive) bool { return f.Naive&n != 0 }

func (f *Fence) keys() uint8 {
	for _, a := range f.Actors {
		if a.Kind == GetMany || a.Key > 0 {
			return 2
		}
	}
	return 1
}

func (f *Fence) procs() uint8 {
	last := uint8(0)
	for _, a := range f.Actors {
		last = max(last, a.Proc)
	}
	return last + 1
}

// starts has every mix of places that hold the first value or nothing.
func (f Fence) starts() []fence {
	var s fence
	s.src = [maxKeys]uint8{1, 1}
	s.budget = budget{f.Expire, f.Evict, f.Age, f.FailLoad, f.FailAsk, f.FailDrop, f.LateFill, f.Crash, f.Restart, f.Failover, f.Gap, f.LoseTable}
	for i := range s.actors {
		s.actors[i].pc = aDone
	}
	for i, a := range f.Actors {
		s.actors[i].pc = aBegin
		for k := range s.actors[i].at {
			if a.Kind != GetMany && int(a.Key) != k {
				s.actors[i].at[k] = kDone
			}
		}
	}
	all := []fence{s}
	if f.Fresh {
		return all
	}
	add := func(put func(*fence)) {
		for _, s := range slices.Clone(all) {
			put(&s)
			all = append(all, s)
		}
	}
	for k := range f.keys() {
		for p := range f.procs() {
			add(func(s *fence) { s.near[p][k] = entry{v: 1} })
		}
		for t := range f.Far {
			add(func(s *fence) { s.far[t][k].entry = entry{v: 1} })
		}
	}
	return all
}

func (f *Fence) done(s *fence) bool {
	for i := range f.Actors {
		if s.actors[i].pc != aDone {
			return false
		}
	}
	for i := range s.flights {
		if pc := s.flights[i].pc; pc != 0 && pc != fEnded {
			return false
		}
	}
	return true
}

// bad holds the properties of states; those of steps are in fence.bad.
func (f *Fence) bad(s *fence) string {
	for t := range f.Far {
		for k := range f.keys() {
			if e := s.far[t][k]; e.v != 0 && e.v < s.acked[k] {
				return faults[oldFar]
			}
		}
	}
	for p := range f.procs() {
		for k := range f.keys() {
			if f.would(s, p, k) {
				return faults[wouldBeOld]
			}
		}
	}
	for i := range s.flights {
		if fl := &s.flights[i]; fl.pc == fWait && fl.armed && !fl.woken && s.far[fl.tier][fl.key].lease == 0 {
			return faults[sleepsOut]
		}
	}
	return faults[s.bad]
}

// would reports whether a Get that began now would be given too old a value:
// near, or by the flight that it would join. So there is in every state one
// more reader in each process than there are actors.
func (f *Fence) would(s *fence, p, k uint8) bool {
	if e := s.near[p][k]; f.valid(s, p, e) {
		return e.v < s.need[p][k]
	}
	if at := s.flow[p][k]; at != 0 {
		fl := &s.flights[at-1]
		e := fl.got
		if e.v == 0 {
			e = fl.early
		}
		if fl.dead && !f.is(JoinerTakesExpired) {
			return false
		}
		return e.v != 0 && e.v < s.need[p][k] && (f.valid(s, p, e) || f.is(JoinerTrusts))
	}
	return false
}

func (f *Fence) next(s *fence, emit func(Step, fence)) {
	r := run{Fence: f, emit: emit}
	for i, a := range f.Actors {
		switch a.Kind {
		case Get, GetMany:
			r.reader(*s, uint8(i))
		case Set:
			r.setter(*s, uint8(i))
		case Write, Delete:
			r.deleter(*s, uint8(i))
		case InvalidateTag:
			r.tagger(*s, uint8(i))
		}
	}
	for i := range s.flights {
		r.flight(*s, uint8(i))
	}
	r.weather(*s)
}

// A run is the steps out of one state. All below work on copies of it: a step
// changes its copy and emits it.
type run struct {
	*Fence
	emit func(Step, fence)
}

var (
	procNames = [maxProcs]string{"P", "Q", "R"}
	callNames = [...]string{Get: "Get", GetMany: "GetMany", Write: "Write", Delete: "Delete", Set: "Set", InvalidateTag: "InvalidateTag"}
)

func (r *run) step(s *fence, who, text string, a, b uint8) {
	r.reclaim(s)
	r.emit(Step{Who: who, Text: text, A: a, B: b}, *s)
}

// who names a call.
func (r *run) who(i uint8) string { return actorNames[r.Actors[i].Kind][r.Actors[i].Proc][i] }

// flightWho names a flight, with its key where there are two.
func (r *run) flightWho(s *fence, i uint8) string {
	fl := &s.flights[i]
	return flightNames[fl.proc][i][fl.key+r.keys()-1]
}

// Names are made once: most are never printed.
var actorNames = func() (names [len(callNames)][maxProcs][maxActors]string) {
	for k, call := range callNames {
		for p, proc := range procNames {
			for i := range maxActors {
				names[k][p][i] = fmt.Sprintf("%s %s (call %d):", proc, call, i+1)
			}
		}
	}
	return names
}()

var flightNames = func() (names [maxProcs][maxFlights][maxKeys + 1]string) {
	for p, proc := range procNames {
		for i := range maxFlights {
			names[p][i][0] = fmt.Sprintf("%s flight %d:", proc, i+1)
			for k := range maxKeys {
				names[p][i][k+1] = fmt.Sprintf("%s flight %d of key %d:", proc, i+1, k)
			}
		}
	}
	return names
}()

// reclaim clears what no later step can look at, so that states that differ in
// it only are one.
func (r *run) reclaim(s *fence) {
	for i := range s.flights {
		fl := &s.flights[i]
		if fl.pc != fEnded {
			continue
		}
		used := false
		for j := range r.Actors {
			a := &s.actors[j]
			used = used || a.flight[0] == uint8(i)+1 || a.flight[1] == uint8(i)+1
		}
		if !used {
			*fl = flight{}
		} else {
			// Its callers want what it got, and when it began.
			*fl = flight{pc: fEnded, proc: fl.proc, key: fl.key, stamp: fl.stamp, got: fl.got, early: fl.early}
		}
	}
}

// token gives one that is not in use, or the engine's next with CAS.
func (r *run) token(s *fence, t, k uint8) uint8 {
	if r.CAS {
		s.far[t][k].counter++
		return s.far[t][k].counter
	}
	for tok := uint8(1); ; tok++ {
		if !r.inUse(s, tok) {
			return tok
		}
	}
}

func (r *run) inUse(s *fence, tok uint8) bool {
	for t := range r.Far {
		for k := range s.far[t] {
			if s.far[t][k].lease == tok || s.replica[t][k].lease == tok {
				return true
			}
		}
		for i := range s.flights {
			if s.flights[i].lease[t] == tok {
				return true
			}
		}
	}
	for i := range s.actors {
		if s.actors[i].lease == tok {
			return true
		}
	}
	return s.late.lease == tok
}

// holds reports whether a holder's lease is the engine's: what the engine
// compares when it is asked to fill or to release.
func (r *run) holds(s *fence, t, k, lease, conn uint8) bool {
	if lease == 0 || s.far[t][k].lease != lease {
		return false
	}
	return conn == s.conn[t] || r.is(CASRestarts|FailoverKeepsLeases)
}

// changed wakes whoever waits for the key in the tier.
func (r *run) changed(s *fence, t, k uint8) {
	for i := range s.flights {
		if fl := &s.flights[i]; fl.pc == fWait && fl.tier == t && fl.key == k && fl.armed {
			fl.woken = true
		}
	}
}

// valid reports whether p may serve e: no bump that p has heard of is newer.
func (f *Fence) valid(s *fence, p uint8, e entry) bool {
	if e.v == 0 {
		return false
	}
	return !f.Tags || e.epoch == s.copies[p].epoch && s.copies[p].gen <= e.stamp
}
