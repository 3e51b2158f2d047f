package recipes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A secret is fetched when it is first needed and kept for as long as it is
// fresh. It is safe for concurrent use.
type secret struct {
	fetch func(context.Context) (string, error)
	fresh time.Duration

	mu      sync.Mutex
	value   string
	fetched time.Time
}

func (s *secret) get(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fetched.IsZero() && time.Since(s.fetched) < s.fresh {
		return s.value, nil
	}
	value, err := s.fetch(ctx)
	if err != nil {
		return "", fmt.Errorf("fetching a secret: %w", err)
	}
	s.value, s.fetched = value, time.Now()
	return value, nil
}

// fromExtension fetches a secret from the AWS Parameters and Secrets Lambda
// Extension, a layer whose address is http://localhost:2773.
func fromExtension(address, id string, getenv func(string) string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/secretsmanager/get?secretId="+url.QueryEscape(id), nil)
		if err != nil {
			return "", err
		}
		r.Header.Set("X-Aws-Parameters-Secrets-Token", getenv("AWS_SESSION_TOKEN"))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return "", fmt.Errorf("secret %q: %s", id, response.Status)
		}
		var answer struct{ SecretString string }
		err = json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&answer)
		return answer.SecretString, err
	}
}

// fromSDK fetches a secret with the AWS SDK. In a program, cfg comes from
// config.LoadDefaultConfig of the SDK.
func fromSDK(cfg aws.Config, id string) func(context.Context) (string, error) {
	client := secretsmanager.NewFromConfig(cfg)
	return func(ctx context.Context) (string, error) {
		answer, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err != nil {
			return "", err
		}
		return aws.ToString(answer.SecretString), nil
	}
}

func TestSecretFromExtensionOrSDK(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "GET" && r.Header.Get("X-Aws-Parameters-Secrets-Token") == "session" && r.URL.Query().Get("secretId") == "shop/db",
			r.Header.Get("X-Amz-Target") == "secretsmanager.GetSecretValue":
			fmt.Fprint(w, `{"SecretString":"hunter2"}`)
		default:
			http.Error(w, "{}", http.StatusBadRequest)
		}
	}))
	defer server.Close()
	session := func(name string) string { return map[string]string{"AWS_SESSION_TOKEN": "session"}[name] }
	cfg := aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", "TOKEN"),
	}
	for name, fetch := range map[string]func(context.Context) (string, error){
		"extension": fromExtension(server.URL, "shop/db", session),
		"SDK":       fromSDK(cfg, "shop/db"),
	} {
		if got, err := fetch(t.Context()); err != nil || got != "hunter2" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := fromExtension(server.URL, "other", session)(t.Context()); err == nil {
		t.Errorf("a secret that the extension refuses: %q", got)
	}
}

func TestSecretIsKeptWhileFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetched, failure := 0, errors.New("throttled")
		s := &secret{fresh: 5 * time.Minute, fetch: func(context.Context) (string, error) {
			fetched++
			return fmt.Sprint(fetched), failure
		}}
		if _, err := s.get(t.Context()); !errors.Is(err, failure) {
			t.Errorf("error %v, want that of fetch", err)
		}
		failure = nil
		for i, want := range []string{"2", "2", "3"} { // a failure is not kept
			if got, err := s.get(t.Context()); err != nil || got != want {
				t.Errorf("call %d: %q, %v, want %q", i, got, err, want)
			}
			time.Sleep(3 * time.Minute)
		}
	})
}
