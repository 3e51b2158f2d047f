package recipes_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// openDatabase returns a pool that connects with the first query, and that
// outlives a freeze of the function.
func openDatabase(connector driver.Connector) *sql.DB {
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(2)                   // for each execution environment, of which there may be a thousand
	db.SetMaxIdleConns(2)                   // all that are open may stay open
	db.SetConnMaxLifetime(10 * time.Minute) // shorter than what the server and any NAT gateway allow
	return db
}

func TestDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &database{}
		db := openDatabase(server)
		defer db.Close()
		query := func(step string, connections int) {
			t.Helper()
			if _, err := db.ExecContext(t.Context(), "UPDATE"); err != nil || server.connections != connections {
				t.Errorf("%s: %v over connection %d, want %d", step, err, server.connections, connections)
			}
		}
		if server.connections != 0 {
			t.Error("it has connected before the first query")
		}
		query("the first query connects", 1)
		query("the next one uses that connection", 1)
		time.Sleep(9 * time.Minute)
		query("a short freeze", 1)
		server.closed = server.connections
		query("a connection that the server has closed is replaced", 2)
		time.Sleep(11 * time.Minute)
		query("a connection that is too old is replaced", 3)
	})
}

// database counts the connections to it and refuses those up to closed.
type database struct{ connections, closed int }

func (d *database) Connect(context.Context) (driver.Conn, error) {
	d.connections++
	return &databaseConn{d, d.connections}, nil
}

func (d *database) Driver() driver.Driver { return nil }

type databaseConn struct {
	*database
	n int
}

func (c *databaseConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	if c.n <= c.closed {
		return nil, errors.New("write: broken pipe")
	}
	return driver.RowsAffected(1), nil
}

// ResetSession is how a driver says that a connection is dead before it is
// used: those of PostgreSQL and MySQL look at the socket.
func (c *databaseConn) ResetSession(context.Context) error {
	if c.n <= c.closed {
		return driver.ErrBadConn
	}
	return nil
}

func (c *databaseConn) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }
func (c *databaseConn) Close() error                        { return nil }
func (c *databaseConn) Begin() (driver.Tx, error)           { return nil, errors.ErrUnsupported }
