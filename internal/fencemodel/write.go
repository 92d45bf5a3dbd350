package fencemodel

// The steps of Delete, by name.
const (
	opFar = iota // D1, of a tier
	opNear
	opPublish
	opReturn
)

type op struct{ kind, tier uint8 }

// plan is the order of Delete's steps.
func (f *Fence) plan() (ops [maxTiers + 3]op, n uint8) {
	add := func(kind, tier uint8) {
		ops[n] = op{kind, tier}
		n++
	}
	if f.is(NearBeforeFar) {
		add(opNear, 0)
	}
	if f.is(PublishBeforeFar) {
		add(opPublish, 0)
	}
	for i := range f.Far {
		if f.is(TopDeletedFirst) {
			add(opFar, i)
		} else {
			add(opFar, f.Far-1-i)
		}
	}
	if !f.is(NearBeforeFar) {
		add(opNear, 0)
	}
	if !f.is(PublishBeforeFar) {
		add(opPublish, 0)
	}
	add(opReturn, 0)
	return ops, n
}

// past reports whether a writer has been at tier t.
func (f *Fence) past(a *actor, t uint8) bool {
	ops, n := f.plan()
	for i := range n {
		if ops[i] == (op{opFar, t}) {
			return a.pc == aDone && a.ver != 0 || a.pc > aPlan+i
		}
	}
	return false
}

// deleter is Delete, and the Write before it.
func (r *run) deleter(s fence, i uint8) {
	call := r.Actors[i]
	p, k := call.Proc, call.Key
	a := &s.actors[i]
	who := r.who(i)
	switch a.pc {
	case aDone:
		return
	case aBegin:
		a.pc = aPlan
		if call.Kind == Write {
			s.src[k]++
		}
		a.ver = s.src[k]
		if call.Kind == Write {
			r.step(&s, who, "changes the source to v%d", a.ver, 0)
		} else {
			r.step(&s, who, "begins, with the source at v%d", a.ver, 0)
		}
		return
	}
	ops, _ := r.plan()
	do := ops[a.pc-aPlan]
	a.pc++
	switch do.kind {
	case opFar:
		if s.budget.failDrop > 0 {
			n := s
			n.budget.failDrop--
			n.actors[i].failed = true
			n.dirty[p][k] |= 1 << do.tier
			if !r.is(DirtyTierAlone) {
				n.dirty[p][k] |= 1<<do.tier - 1
			}
			r.step(&n, who, "D1 far %d: cannot be reached", do.tier, 0)
		}
		r.drop(&s, do.tier, k)
		r.step(&s, who, "D1 far %d: deleted", do.tier, 0)
	case opNear:
		s.near[p][k], s.flow[p][k] = entry{}, 0
		r.step(&s, who, "D2 drops the near entry, detaches the flight", 0, 0)
	case opPublish:
		r.publish(&s, i)
		r.step(&s, who, "D3 publishes", 0, 0)
	case opReturn:
		a.pc = aDone
		s.need[p][k] = max(s.need[p][k], a.ver)
		if a.failed {
			r.step(&s, who, "D4 returns, and says that a tier failed", 0, 0)
			return
		}
		s.acked[k] = max(s.acked[k], a.ver)
		r.step(&s, who, "D4 returns", 0, 0)
	}
}

// drop is the engine's Delete: the value and the lease in one step.
func (r *run) drop(s *fence, t, k uint8) {
	s.far[t][k] = engineKey{counter: s.far[t][k].counter}
	r.changed(s, t, k)
}

func (r *run) publish(s *fence, i uint8) {
	if !r.Push {
		return
	}
	for q := range r.procs() {
		lost := s.deaf[q] == 1 || s.deaf[q] == 2 && r.is(ClearBeforeListening)
		if q != r.Actors[i].Proc && !lost {
			s.pending[q] |= 1 << i
		}
	}
}

// tagger is InvalidateTag of the tag that all entries carry.
func (r *run) tagger(s fence, i uint8) {
	p := r.Actors[i].Proc
	a := &s.actors[i]
	who := r.who(i)
	switch a.pc {
	case aBegin:
		for k := range r.keys() {
			s.src[k]++
		}
		a.ver, a.pc = s.src[0], aPlan
		r.step(&s, who, "changes the source to v%d", a.ver, 0)
	case aPlan:
		s.table.seq++
		s.table.gen = s.table.seq
		for k := range r.keys() {
			s.tagVer[k] = s.src[k]
		}
		a.pc++
		r.step(&s, who, "T1 bumps the tag to generation %d", s.table.gen, 0)
	case aPlan + 1:
		r.copyTable(&s, p)
		a.pc = aDone
		r.step(&s, who, "T2 notes the generation and returns", 0, 0)
	}
}

// copyTable brings p's copy of the tag table up to date. From then on its Gets
// are held to what was bumped.
func (r *run) copyTable(s *fence, p uint8) {
	s.copies[p] = s.table
	for k := range r.keys() {
		s.need[p][k] = max(s.need[p][k], s.tagVer[k])
	}
}

// Where a setter is.
const (
	sTicket = aPlan + iota
	sFar
	sAcquire
	sFill
	sStore
	sPublish
	sReturn
)

// setter is Set, after its writer changed the source.
func (r *run) setter(s fence, i uint8) {
	call := r.Actors[i]
	p, k := call.Proc, call.Key
	a := &s.actors[i]
	who := r.who(i)
	t := a.tier
	switch a.pc {
	case aBegin:
		s.src[k]++
		a.ver, a.pc = s.src[k], sTicket
		r.step(&s, who, "changes the source to v%d", a.ver, 0)
	case sTicket:
		a.pc, a.tier = sFar, r.Far-1
		if r.Far == 0 {
			a.pc = sStore
		}
		switch {
		case r.is(SetLeavesFlight):
			r.step(&s, who, "S1 leaves the flight where it is", 0, 0)
		case r.is(SetHoldsNoTicket):
			s.near[p][k], s.flow[p][k] = entry{}, 0
			r.step(&s, who, "S1 drops near, detaches the flight, and leaves its place empty", 0, 0)
		default:
			n := r.fly(&s, p, k)
			fl := &s.flights[n-1]
			fl.pc, fl.got = fTicket, entry{v: a.ver, stamp: fl.stamp, epoch: fl.epoch}
			s.near[p][k], s.flow[p][k], a.flight[k] = entry{}, n, n
			r.step(&s, who, "S1 drops near, puts a ticket in the flight's place", 0, 0)
		}
	case sFar:
		r.drop(&s, t, k)
		if r.Setter {
			s.far[t][k].entry = r.setting(&s, i)
			r.setNext(a)
			r.step(&s, who, "S2 far %d: sets v%d", t, a.ver)
			return
		}
		a.pc = sAcquire
		r.step(&s, who, "S2 far %d: deletes", t, 0)
	case sAcquire:
		at := &s.far[t][k]
		if at.v != 0 || at.lease != 0 || at.self {
			r.setNext(a)
			r.step(&s, who, "S2 far %d: another was there first, leaves it alone", t, 0)
			return
		}
		at.lease, at.conn = r.token(&s, t, k), s.conn[t]
		a.lease, a.conn, a.pc = at.lease, at.conn, sFill
		r.step(&s, who, "S2 far %d: is given the lease", t, 0)
	case sFill:
		stored := r.put(&s, lateFill{tier: t, key: k, lease: a.lease, conn: a.conn, got: r.setting(&s, i)})
		a.lease, a.conn = 0, 0
		r.setNext(a)
		if stored {
			r.step(&s, who, "S2 far %d: stores v%d", t, a.ver)
			return
		}
		a.failed = true
		r.step(&s, who, "S2 far %d: refuses v%d", t, a.ver)
	case sStore:
		r.setNear(s, i)
	case sPublish:
		r.publish(&s, i)
		a.pc = sReturn
		r.step(&s, who, "S4 publishes", 0, 0)
	case sReturn:
		a.pc = aDone
		s.need[p][k] = max(s.need[p][k], a.ver)
		s.acked[k] = max(s.acked[k], a.ver)
		r.step(&s, who, "Set returns", 0, 0)
	}
}

func (r *run) setNext(a *actor) {
	a.pc = sFar
	if a.tier == 0 {
		a.pc = sStore
		return
	}
	a.tier--
}

// setting is the entry of Set. Its fence is its ticket's.
func (r *run) setting(s *fence, i uint8) entry {
	a := &s.actors[i]
	if n := a.flight[r.Actors[i].Key]; n != 0 {
		return s.flights[n-1].got
	}
	return entry{v: a.ver}
}

// setNear is S3, which is R6 for a ticket.
func (r *run) setNear(s fence, i uint8) {
	p, k := r.Actors[i].Proc, r.Actors[i].Key
	a := &s.actors[i]
	a.pc = sPublish
	n := a.flight[k]
	if n == 0 {
		s.near[p][k] = r.setting(&s, i)
		r.step(&s, r.who(i), "S3 stores v%d near", a.ver, 0)
		return
	}
	mine := s.flow[p][k] == n
	switch {
	case mine && !a.failed:
		s.near[p][k] = s.flights[n-1].got
	case !r.is(SetLeavesLater):
		// Somebody's D2 has taken the ticket out. What has begun since may
		// have read a far tier before S2 was there.
		s.near[p][k], s.flow[p][k] = entry{}, 0
	}
	r.leave(&s, n-1)
	s.flights[n-1].pc = fEnded
	a.flight[k] = 0
	if mine && !a.failed {
		r.step(&s, r.who(i), "S3 stores v%d near, wakes who waits for the ticket", a.ver, 0)
	} else {
		r.step(&s, r.who(i), "S3 stores nothing near, detaches what is there, wakes who waits for the ticket", 0, 0)
	}
}
