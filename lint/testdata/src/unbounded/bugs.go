package unbounded

import (
	"context"
	"database/sql"
	"os/exec"

	"golang.org/x/sync/singleflight"
)

type store struct {
	g  singleflight.Group
	db *sql.DB
}

// Nobody's end is the load's, and no time either.
func (s *store) background(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		var name string
		err := s.db.QueryRowContext(context.Background(), "SELECT name FROM users WHERE id = ?", id).Scan(&name) // want `this load waits with a context that was detached and has no deadline: if it hangs, so do all who wait on its key, and all who come later`
		return name, err
	})
	return v, err
}

// Detached as it should be, and then not bounded.
func (s *store) detached(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		res, err := s.db.ExecContext(context.WithoutCancel(ctx), "UPDATE users SET seen = 1 WHERE id = ?", id) // want `detached and has no deadline`
		if err != nil {
			return nil, err
		}
		return res.RowsAffected()
	})
	return v, err
}

// A variable of the load's own.
func (s *store) variable(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		loadCtx := context.WithoutCancel(ctx)
		if err := s.db.PingContext(loadCtx); err != nil { // want `detached and has no deadline`
			return nil, err
		}
		return s.name(loadCtx, id)
	})
	return v, err
}

func (s *store) name(ctx context.Context, id string) (name string, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT name FROM users WHERE id = ?", id).Scan(&name)
	return name, err
}

// One made outside.
func (s *store) outside(ctx context.Context, id string) (any, error) {
	loadCtx := context.WithoutCancel(ctx)
	v, err, _ := s.g.Do(id, func() (any, error) {
		return s.name(loadCtx, id) // want `detached and has no deadline`
	})
	return v, err
}

// A cancel is no deadline.
func (s *store) cancelled(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		return s.name(ctx, id) // want `detached and has no deadline`
	})
	return v, err
}

// No context at all.
func (s *store) without(id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		return exec.Command("resolve", id).Output() // want `this load waits without a deadline: if it hangs`
	})
	return v, err
}

// A command with a context that nothing ends.
func (s *store) command(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		cmd := exec.CommandContext(context.WithoutCancel(ctx), "resolve", id)
		return cmd.Output() // want `detached and has no deadline`
	})
	return v, err
}

// A goroutine that needs the context when the load is done: found, and not mended.
func (s *store) goes(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		go s.name(context.WithoutCancel(ctx), id)
		return s.name(context.WithoutCancel(ctx), id) // want `detached and has no deadline`
	})
	return v, err
}

// Nor where rows are given that are read later.
func (s *store) rows(ctx context.Context, id string) (any, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		return s.db.QueryContext(context.WithoutCancel(ctx), "SELECT 1") // want `detached and has no deadline`
	})
	return v, err
}
