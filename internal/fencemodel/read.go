package fencemodel

// Where an actor is.
const (
	aDone = iota
	aBegin
	aPlan // a writer: aPlan + how far it has come
)

// Where a reader is with a key.
const (
	kBegin = iota
	kEnter
	kWait
	kRefresh // it has returned a stale value and goes on in the background
	kDone
)

// Where a flight is.
const (
	fNone   = iota
	fAsk    // R3, of tier
	fHeal   // R3: what tier holds is invalid by its tags
	fWait   // R3: for the lease of another
	fFence  // FenceAfterFarRead: now it takes its fence
	fLoad   // R4
	fStamp  // GenerationAfterLoad, Restamp: now it looks at the generations
	fFill   // R5, of tier
	fStore  // R6
	fStore2 // CheckThenStore: the check was passed
	fTicket // a Set's
	fEnded
)

// reader is step 1, 2 and 7 of Get, for each of its keys. GetMany is a Get of
// each key, but that it enters them in order; what its flights do jointly
// (AcquireMany, the load) is an order of steps among others.
func (r *run) reader(s fence, i uint8) {
	a := &s.actors[i]
	if a.pc == aDone {
		return
	}
	for k := range r.keys() {
		if k > 0 && a.at[0] <= kEnter && a.at[k] != kDone {
			return
		}
		switch a.at[k] {
		case kBegin:
			r.look(s, i, k)
		case kEnter, kRefresh:
			r.enter(s, i, k)
		case kWait:
			r.take(s, i, k)
		}
	}
}

func (r *run) look(s fence, i, k uint8) {
	p := r.Actors[i].Proc
	a := &s.actors[i]
	a.need[k] = s.need[p][k]
	e := s.near[p][k]
	switch {
	case !r.valid(&s, p, e):
		a.at[k] = kEnter
		r.step(&s, r.who(i), "R1 begins, and misses near", 0, 0)
	case e.stale:
		r.answer(&s, i, k, e.v)
		a.pc, a.at[k] = aBegin, kRefresh
		r.step(&s, r.who(i), "R1 begins, and returns the stale v%d from near", e.v, 0)
	default:
		r.answer(&s, i, k, e.v)
		r.step(&s, r.who(i), "R1 begins, and hits v%d near", e.v, 0)
	}
}

// answer ends a Get of k with version v, or with an error for 0.
func (r *run) answer(s *fence, i, k, v uint8) {
	a := &s.actors[i]
	if v != 0 && v < a.need[k] {
		s.bad = oldAnswer
	}
	a.at[k], a.flight[k], a.need[k], a.seq[k], a.again[k] = kDone, 0, 0, 0, false
	for _, at := range a.at {
		if at != kDone {
			return
		}
	}
	a.pc = aDone
}

// enter is R2: the shard lock, a second look, then join or lead.
func (r *run) enter(s fence, i, k uint8) {
	p := r.Actors[i].Proc
	a := &s.actors[i]
	background := a.at[k] == kRefresh
	e := s.near[p][k]
	if !r.is(NoSecondLook) && r.valid(&s, p, e) && (!e.stale || !background) {
		if background {
			r.answer(&s, i, k, 0)
			r.step(&s, r.who(i), "R2 finds near fresh again", 0, 0)
			return
		}
		r.answer(&s, i, k, e.v)
		r.step(&s, r.who(i), "R2 looks again, and hits v%d near", e.v, 0)
		return
	}
	if at := s.flow[p][k]; at != 0 && (!s.flights[at-1].dead || r.is(JoinerTakesExpired)) {
		fl := &s.flights[at-1]
		if background {
			r.answer(&s, i, k, 0)
			r.step(&s, r.who(i), "R2 finds the key refreshed by flight %d", at, 0)
			return
		}
		if !a.again[k] || fl.epoch == s.copies[p].epoch && fl.stamp >= s.copies[p].gen {
			a.at[k], a.flight[k], a.seq[k] = kWait, at, s.copies[p].seq
			r.step(&s, r.who(i), "R2 joins flight %d", at, 0)
			return
		}
	}
	n := r.fly(&s, p, k)
	fl := &s.flights[n-1]
	fl.background = background
	if r.Actors[i].Kind == GetMany {
		fl.batch = i + 1
	}
	if !r.is(FenceAfterFarRead) || r.Far == 0 {
		s.flow[p][k] = n
	}
	if r.is(LoadBeforeLease) {
		fl.pc = fLoad
	} else {
		r.ask(&s, fl, 0)
	}
	if background {
		r.answer(&s, i, k, 0)
		r.step(&s, r.who(i), "R2 leads flight %d in the background", n, 0)
		return
	}
	a.at[k], a.flight[k], a.seq[k] = kWait, n, s.copies[p].seq
	r.step(&s, r.who(i), "R2 leads flight %d", n, 0)
}

// fly begins a flight, with its fence. Nothing is read before that.
func (r *run) fly(s *fence, p, k uint8) (number uint8) {
	for i := range s.flights {
		if s.flights[i].pc == fNone {
			s.flights[i] = flight{pc: fAsk, proc: p, key: k, stamp: s.copies[p].seq, epoch: s.copies[p].epoch}
			return uint8(i) + 1
		}
	}
	panic("fencemodel: more flights than maxFlights")
}

// take is R7: a joiner checks the tags of what it is given.
func (r *run) take(s fence, i, k uint8) {
	p := r.Actors[i].Proc
	a := &s.actors[i]
	fl := &s.flights[a.flight[k]-1]
	e := fl.got
	if fl.pc != fEnded {
		e = fl.early
		if e.v == 0 {
			return
		}
	}
	copied := s.copies[p]
	// A generation that is newer than the caller may hide one that is not: a
	// tag keeps its last bump only. So any change between the flight's fence
	// and the caller's entry is taken for a bump of this tag.
	bumped := e.stamp < copied.gen && fl.stamp < a.seq[k]
	if r.is(JoinerLooksBetween) {
		bumped = e.stamp < copied.gen && copied.gen <= a.seq[k]
	}
	if r.Tags && e.v != 0 && !r.is(JoinerTrusts) && (e.epoch != copied.epoch || bumped) {
		a.at[k], a.flight[k], a.again[k] = kEnter, 0, true
		r.step(&s, r.who(i), "R7 is given v%d, from before a bump that came before it, and enters again", e.v, 0)
		return
	}
	n := a.flight[k]
	r.answer(&s, i, k, e.v)
	r.step(&s, r.who(i), "R7 is given v%d by flight %d", e.v, n)
}

// flight is step 3 to 6.
func (r *run) flight(s fence, i uint8) {
	fl := &s.flights[i]
	who := r.flightWho(&s, i)
	t := fl.tier
	switch fl.pc {
	case fAsk:
		r.acquire(s, i, who)
	case fHeal:
		s.far[t][fl.key] = engineKey{counter: s.far[t][fl.key].counter}
		r.changed(&s, t, fl.key)
		fl.pc, fl.healed = fAsk, true
		r.step(&s, who, "R3 far %d: deletes what tags have invalidated", t, 0)
	case fWait:
		r.await(s, i, who)
	case fFence:
		s.flow[fl.proc][fl.key] = i + 1
		fl.stamp, fl.epoch = s.copies[fl.proc].seq, s.copies[fl.proc].epoch
		fl.pc, fl.then = fl.then, 0
		r.step(&s, who, "takes its fence, late", 0, 0)
	case fLoad:
		r.load(s, i, who)
	case fStamp:
		fl.got.stamp, fl.got.epoch = s.copies[fl.proc].seq, s.copies[fl.proc].epoch
		r.fillNext(fl)
		r.step(&s, who, "reads the generations, late", 0, 0)
	case fFill:
		r.fill(s, i, who)
	case fStore, fStore2:
		r.store(s, i, who)
	}
}

// ask goes on with the first tier from t on that is not dirty.
func (r *run) ask(s *fence, fl *flight, t uint8) {
	for t < r.Far && s.dirty[fl.proc][fl.key]&(1<<t) != 0 {
		t++
	}
	fl.armed, fl.woken, fl.healed = false, false, false
	fl.tier, fl.pc = t, fAsk
	switch {
	case t < r.Far:
	case r.is(LoadBeforeLease):
		r.fillNext(fl)
	default:
		r.goOn(fl, fLoad)
	}
}

// goOn enters pc, by way of the fence if that is still to be taken.
func (r *run) goOn(fl *flight, pc uint8) {
	fl.pc = pc
	if r.is(FenceAfterFarRead) && r.Far > 0 {
		fl.pc, fl.then = fFence, pc
	}
}

// acquire is R3 at one tier: the item, the lease, or whose it is, in one step
// of the engine.
func (r *run) acquire(s fence, i uint8, who string) {
	if s.budget.failAsk > 0 {
		n := s
		n.budget.failAsk--
		fl := &n.flights[i]
		r.ask(&n, fl, fl.tier+1)
		r.step(&n, who, "R3 far %d: cannot be asked", s.flights[i].tier, 0)

		n = s
		n.budget.failAsk--
		fl = &n.flights[i]
		if at := &n.far[fl.tier][fl.key]; at.v == 0 && at.lease == 0 && !at.self {
			at.lease = r.token(&n, fl.tier, fl.key)
			at.conn = n.conn[fl.tier]
			r.ask(&n, fl, fl.tier+1)
			r.step(&n, who, "R3 far %d: does not answer, but has granted a lease", s.flights[i].tier, 0)
		}
	}

	fl := &s.flights[i]
	t, k := fl.tier, fl.key
	at := &s.far[t][k]
	switch {
	case at.v != 0 && !r.valid(&s, fl.proc, at.entry):
		if fl.healed {
			r.ask(&s, fl, t+1)
			r.step(&s, who, "R3 far %d: invalid once more, goes on without a lease", t, 0)
			return
		}
		fl.pc = fHeal
		r.step(&s, who, "R3 far %d: finds v%d, which tags have invalidated", t, at.v)
	case at.v != 0 && at.stale && at.lease == 0:
		fl.early = at.entry
		r.grant(&s, fl, t)
		v := at.v
		r.ask(&s, fl, t+1)
		r.step(&s, who, "R3 far %d: is given the stale v%d and the lease", t, v)
	case at.v != 0:
		fl.got, fl.early = at.entry, entry{}
		fl.armed, fl.woken, fl.healed = false, false, false
		v := at.v
		if r.is(Restamp) {
			fl.pc = fStamp
		} else {
			r.fillNext(fl)
		}
		r.goOn(fl, fl.pc)
		r.step(&s, who, "R3 far %d: is given v%d", t, v)
	case at.self:
		r.ask(&s, fl, t+1)
		r.step(&s, who, "R3 far %d: is to load by itself", t, 0)
	case at.lease != 0:
		fl.pc, fl.armed, fl.woken = fWait, !r.is(ArmAfterAnswer), false
		r.step(&s, who, "R3 far %d: another has the lease, waits", t, 0)
	default:
		r.grant(&s, fl, t)
		r.ask(&s, fl, t+1)
		r.step(&s, who, "R3 far %d: is given the lease", t, 0)
	}
}

func (r *run) grant(s *fence, fl *flight, t uint8) {
	at := &s.far[t][fl.key]
	at.lease = r.token(s, t, fl.key)
	at.conn = s.conn[t]
	fl.lease[t], fl.conn[t] = at.lease, at.conn
}

func (r *run) await(s fence, i uint8, who string) {
	t := s.flights[i].tier
	if r.Impatient {
		n := s
		r.ask(&n, &n.flights[i], t+1)
		r.step(&n, who, "R3 far %d: waits no longer, goes on without a lease", t, 0)
	}
	fl := &s.flights[i]
	switch {
	case fl.woken:
		fl.pc, fl.armed, fl.woken = fAsk, false, false
		r.step(&s, who, "R3 far %d: is woken", t, 0)
	case !fl.armed:
		fl.armed = true
		r.step(&s, who, "R3 far %d: listens for changes, late", t, 0)
	}
}

// load is R4: the source is read in one step; what comes before and after it
// is other steps' time.
func (r *run) load(s fence, i uint8, who string) {
	if s.budget.failLoad > 0 {
		n := s
		n.budget.failLoad--
		fl := &n.flights[i]
		r.release(&n, fl, !r.is(ReleaseSaysNothing))
		r.leave(&n, i)
		fl.pc = fEnded
		r.step(&n, who, "R4 load fails, releases its leases", 0, 0)
	}
	fl := &s.flights[i]
	if r.is(BatchWaits) && fl.batch != 0 {
		for j := range s.flights {
			mate := &s.flights[j]
			if mate.batch == fl.batch && (mate.pc == fAsk || mate.pc == fWait) {
				return
			}
		}
	}
	fl.got = entry{v: s.src[fl.key], stamp: fl.stamp, epoch: fl.epoch}
	if r.MaxLoads > 0 {
		if s.loads++; s.loads > r.MaxLoads {
			s.bad = loadsAgain
		}
	}
	switch {
	case r.is(LoadBeforeLease):
		r.ask(&s, fl, 0)
	case r.is(GenerationAfterLoad | Restamp):
		fl.pc = fStamp
	default:
		r.fillNext(fl)
	}
	r.step(&s, who, "R4 loads v%d", s.flights[i].got.v, 0)
}

// leave takes the flight out of the map, if it is still there.
func (r *run) leave(s *fence, i uint8) {
	fl := &s.flights[i]
	if s.flow[fl.proc][fl.key] == i+1 {
		s.flow[fl.proc][fl.key] = 0
	}
}

// release gives back all leases of a flight, in one step: to the engines they
// are one each, but nobody acts on the difference.
func (r *run) release(s *fence, fl *flight, failed bool) {
	for t := range r.Far {
		if r.holds(s, t, fl.key, fl.lease[t], fl.conn[t]) {
			at := &s.far[t][fl.key]
			at.lease, at.conn = 0, 0
			at.self = failed
			if failed || r.is(ReleaseSaysNothing) {
				r.countWaits(s, t, fl.key)
			}
			r.changed(s, t, fl.key)
		}
		fl.lease[t], fl.conn[t] = 0, 0
	}
}

func (r *run) countWaits(s *fence, t, k uint8) {
	for i := range s.flights {
		if fl := &s.flights[i]; fl.pc == fWait && fl.tier == t && fl.key == k {
			if fl.waited++; fl.waited > 1 {
				s.bad = oneByOne
			}
		}
	}
}

// fillNext goes on with R5 at the deepest tier whose lease is held, or with R6.
func (r *run) fillNext(fl *flight) {
	fl.pc = fStore
	for t := range r.Far {
		if fl.lease[t] == 0 {
			continue
		}
		if fl.pc == fFill && r.is(TopFilledFirst) {
			break
		}
		fl.pc, fl.tier = fFill, t
	}
}

// fill is R5 at one tier: compared and stored in one step.
func (r *run) fill(s fence, i uint8, who string) {
	fl := &s.flights[i]
	t, k, v := fl.tier, fl.key, fl.got.v
	if fl.dead {
		r.release(&s, fl, false)
		fl.refused, fl.pc = true, fStore
		r.step(&s, who, "R5 has v%d, which is beyond its TTL, and fills nothing", v, 0)
		return
	}
	late := lateFill{tier: t, key: k, lease: fl.lease[t], conn: fl.conn[t], got: fl.got}
	if s.budget.lateFill > 0 {
		n := s // not answered, and not there yet
		n.budget.lateFill--
		n.late = late
		r.refuse(&n, &n.flights[i])
		r.step(&n, who, "R5 far %d: no answer to the fill with v%d, which is on its way", t, v)
	}

	accepted := r.put(&s, late)
	if !accepted {
		r.refuse(&s, fl)
		r.step(&s, who, "R5 far %d: refuses v%d", t, v)
		return
	}
	if s.budget.lateFill > 0 {
		n := s // done, but not answered
		n.budget.lateFill--
		r.refuse(&n, &n.flights[i])
		r.step(&n, who, "R5 far %d: stores v%d, and does not answer", t, v)

		n = s // done, and to be done again
		n.budget.lateFill--
		n.late = late
		n.late.done = true
		fl := &n.flights[i]
		fl.lease[t], fl.conn[t] = 0, 0
		r.fillNext(fl)
		r.step(&n, who, "R5 far %d: stores v%d; a copy of the fill is on its way", t, v)
	}
	fl.lease[t], fl.conn[t] = 0, 0
	r.fillNext(fl)
	r.step(&s, who, "R5 far %d: stores v%d", t, v)
}

// put is the engine's part of a fill.
func (r *run) put(s *fence, f lateFill) (accepted bool) {
	if !r.holds(s, f.tier, f.key, f.lease, f.conn) && !r.is(PlainFill) {
		return false
	}
	if f.done {
		s.bad = secondFill
	}
	at := &s.far[f.tier][f.key]
	if f.got.v < at.v {
		s.bad = goesBack
	}
	at.entry, at.self = f.got, false
	if !r.is(FillKeepsLease) {
		at.lease, at.conn = 0, 0
	}
	r.changed(s, f.tier, f.key)
	return true
}

// refuse ends R5: nothing further is filled.
func (r *run) refuse(s *fence, fl *flight) {
	fl.lease[fl.tier], fl.conn[fl.tier] = 0, 0
	r.release(s, fl, false)
	fl.refused, fl.pc = true, fStore
}

// store is R6: only a flight that is still the key's stores near, and leaves
// the map in the same step.
func (r *run) store(s fence, i uint8, who string) {
	fl := &s.flights[i]
	mine := s.flow[fl.proc][fl.key] == i+1 || fl.pc == fStore2
	keep := (!fl.refused || r.is(StoreAfterRefusal)) && !fl.dead
	v := fl.got.v
	if r.is(RefreshIgnoresFence) && fl.background {
		mine = true
	}
	if r.is(CheckThenStore) && fl.pc == fStore && mine && keep {
		fl.pc = fStore2
		r.step(&s, who, "R6 sees that it is still the key's", 0, 0)
		return
	}
	if mine && keep {
		s.near[fl.proc][fl.key] = fl.got
	}
	r.leave(&s, i)
	fl.pc = fEnded
	switch {
	case mine && keep:
		r.step(&s, who, "R6 stores v%d near", v, 0)
	case mine:
		r.step(&s, who, "R6 keeps nothing, since a fill was refused", 0, 0)
	default:
		r.step(&s, who, "R6 is detached: stores nothing near", 0, 0)
	}
}
