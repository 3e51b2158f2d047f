package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// compare returns an error for every file of dir that is only in have, is only in want, or differs. It returns nil if they
// are equal.
func compare(dir string, have, want map[string][]byte) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch data, ok := have[name]; {
		case !ok:
			errs = append(errs, fmt.Errorf("generate: %s is missing", filepath.Join(dir, name)))
		case !bytes.Equal(data, want[name]):
			errs = append(errs, fmt.Errorf("generate: %s is not current", filepath.Join(dir, name)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			errs = append(errs, fmt.Errorf("generate: %s has no .proto file", filepath.Join(dir, name)))
		}
	}
	return errors.Join(errs...)
}

// write changes the content of dir from have to want. It removes the files that are not in want.
func write(dir string, have, want map[string][]byte) error {
	var errs []error
	for name, data := range want {
		file := filepath.Join(dir, name)
		errs = append(errs, os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, data, 0o644))
	}
	for name := range have {
		if _, ok := want[name]; !ok {
			errs = append(errs, os.Remove(filepath.Join(dir, name)))
		}
	}
	return errors.Join(errs...)
}

// readTree returns the content of every file below dir by its path relative to dir. It returns no files if dir does not
// exist.
func readTree(dir string) (map[string][]byte, error) {
	tree := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		tree[name], err = os.ReadFile(path)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("generate: reading %s: %w", dir, err)
	}
	return tree, nil
}
