package main

import (
	"fmt"
	neturl "net/url"
	"os"
	"os/exec"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
	"zhijia/internal/localdb"
	"zhijia/internal/store"
)

type dbCmd struct {
	Status  dbStatusCmd  `cmd:"" help:"Show the schema's steps, what is stored and the embedding space in use."`
	Migrate dbMigrateCmd `cmd:"" help:"Bring the schema up to this program's version."`
	Backup  dbBackupCmd  `cmd:"" help:"Write the whole database to a file (pg_dump, custom format)."`
	Restore dbRestoreCmd `cmd:"" help:"Read a backup into an empty database."`
}

type dbStatusCmd struct{ Database }

func (c *dbStatusCmd) Run(g *Globals) error {
	url, done, err := c.url(g)
	if err != nil {
		return err
	}
	defer done()
	states, err := store.MigrationStates(g.ctx, url)
	if err != nil {
		return err
	}
	out := map[string]any{"migrations": states}
	pending := 0
	for _, s := range states {
		if !s.Applied {
			pending++
		}
	}
	if pending == 0 {
		db, err := store.Open(g.ctx, url, store.Options{})
		if err != nil {
			return err
		}
		defer db.Close()
		counts, err := db.Counts(g.ctx)
		if err != nil {
			return err
		}
		out["counts"] = counts
		if id, err := db.ActiveSpaceID(g.ctx); err == nil && id != 0 {
			space, err := db.Space(g.ctx, id)
			if err != nil {
				return err
			}
			out["space"] = map[string]any{"id": space.ID, "name": space.String(), "fitted_on": space.FittedOn}
		}
	}
	if g.JSON {
		return g.print(out)
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	for _, s := range states {
		mark := "applied"
		if !s.Applied {
			mark = "PENDING"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\n", s.Version, s.Name, mark)
	}
	if counts, ok := out["counts"].(store.Counts); ok {
		fmt.Fprintf(w, "\npatents\t%d\t(%d with a vector)\ndeals\t%d\t(%d admissible)\ncitations\t%d\nvaluations\t%d\nsize\t%.1f MB\n",
			counts.Patents, counts.Vectors, counts.Deals, counts.Admissible, counts.Citations, counts.Valuations, float64(counts.Bytes)/1e6)
	} else {
		fmt.Fprintf(w, "\n%d steps are pending: run zhijia db migrate\n", pending)
	}
	if s, ok := out["space"].(map[string]any); ok {
		fmt.Fprintf(w, "space\t%s\t(fitted on %d documents)\n", s["name"], s["fitted_on"])
	}
	return w.Flush()
}

type dbMigrateCmd struct{ Database }

func (c *dbMigrateCmd) Run(g *Globals) error {
	url, done, err := c.url(g)
	if err != nil {
		return err
	}
	defer done()
	if err := store.Migrate(g.ctx, url); err != nil {
		return err
	}
	fmt.Fprintln(g.stdout, "the schema is up to date")
	return nil
}

type dbBackupCmd struct {
	Database
	File string `arg:"" help:"Where to write; must not exist."`
}

func (c *dbBackupCmd) Run(g *Globals) error {
	if _, err := os.Stat(c.File); err == nil {
		return fault.New(fault.Conflict, "file.exists", "文件已存在："+c.File+"。", c.File+" exists.")
	}
	building := c.File + ".part"
	start := time.Now()
	if err := c.program(g, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file="+building); err != nil {
		os.Remove(building)
		return err
	}
	if err := os.Rename(building, c.File); err != nil {
		return err
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "wrote %s, %.1f MB in %.1f s\n", c.File, float64(info.Size())/1e6, time.Since(start).Seconds())
	return nil
}

type dbRestoreCmd struct {
	Database
	File string `arg:"" help:"A backup made by zhijia db backup." type:"existingfile"`
}

func (c *dbRestoreCmd) Run(g *Globals) error {
	url, done, err := c.url(g)
	if err != nil {
		return err
	}
	defer done()
	if err := execute(g, url, beforeRestore); err != nil {
		return err
	}
	// All or nothing: a restore into a database that has the schema fails and
	// leaves it as it was.
	if err := c.program(g, "pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", c.File); err != nil {
		return err
	}
	if err := execute(g, url, afterRestore); err != nil {
		return err
	}
	fmt.Fprintln(g.stdout, "restored", c.File)
	return nil
}

// A backup holds no privileges, because those whom they are granted to need not
// be there where it is read. The role that every statement runs under is given
// them as the migrations give them: by default, for what is about to be made.
const (
	beforeRestore = `
		DO $$
		BEGIN
			IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + store.Role + `') THEN
				CREATE ROLE ` + store.Role + ` NOLOGIN;
			END IF;
			IF NOT pg_has_role(current_user, '` + store.Role + `', 'MEMBER') THEN
				EXECUTE format('GRANT ` + store.Role + ` TO %I', current_user);
			END IF;
		END
		$$;
		GRANT USAGE ON SCHEMA public TO ` + store.Role + `;
		ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ` + store.Role + `;
		ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO ` + store.Role
	afterRestore = `
		REVOKE DELETE ON institutions FROM ` + store.Role + `;
		REVOKE ALL ON goose_db_version FROM ` + store.Role
)

func execute(g *Globals, url, sql string) error {
	conn, err := pgx.Connect(g.ctx, url)
	if err != nil {
		return fault.New(fault.Unavailable, "database.unreachable", "数据库无法连接，请稍后重试。", "The database cannot be reached; try again.")
	}
	defer conn.Close(g.ctx)
	_, err = conn.Exec(g.ctx, sql)
	return err
}

// program runs one of PostgreSQL's own tools against the configured database.
func (d *Database) program(g *Globals, name string, args ...string) error {
	url, done, err := d.url(g)
	if err != nil {
		return err
	}
	defer done()
	path, err := exec.LookPath(name)
	if d.DatabaseURL == "" {
		c, startErr := localdb.Start(g.ctx, localdb.Options{})
		if startErr != nil {
			return startErr
		}
		defer c.Close()
		path, err = c.Program(name), nil
	}
	if err != nil {
		return fault.New(fault.Unavailable, "program.missing", "找不到 "+name+"，请安装 PostgreSQL 客户端。", name+" is not installed; install the PostgreSQL client.").Because(err)
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fault.New(fault.Invalid, "database.url", "DATABASE_URL 格式有误。", "DATABASE_URL cannot be parsed.")
	}
	cmd := exec.CommandContext(g.ctx, path, append([]string{"--dbname=" + config.Database}, args...)...)
	// A password must not show in the list of processes.
	cmd.Env = append(os.Environ(), "PGHOST="+config.Host, fmt.Sprintf("PGPORT=%d", config.Port), "PGUSER="+config.User, "PGPASSWORD="+config.Password)
	if u, err := neturl.Parse(url); err == nil {
		if mode := u.Query().Get("sslmode"); mode != "" {
			cmd.Env = append(cmd.Env, "PGSSLMODE="+mode)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fault.New(fault.Unavailable, "program.failed", name+" 执行失败。", name+" failed.").Because(fmt.Errorf("%w: %s", err, out))
	}
	return nil
}
