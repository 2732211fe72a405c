// itp/1 adapter for pion: ICE, and DTLS over it; one session. With the argument "rsa" or "p384" its certificate has such a key.
// Build: GO111MODULE=off GOPATH=GOPATH_WITH_THIS:/usr/share/gocode go build
package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/pion/dtls/v2"
	"github.com/pion/dtls/v2/pkg/crypto/selfsign"
	"github.com/pion/ice/v2"
)

// version is set by the linker: a library in GOPATH does not know its own.
var version = "unknown"

type op struct {
	Op, Role, Stun, Turn, Ufrag, Pwd, C, B64, Setup, Fp string
	Lite                                                int
}

type adapter struct {
	out         sync.Mutex
	agent       *ice.Agent
	role, ufrag string // ufrag: the far side's
	pwd         string
	cert        tls.Certificate
	setup, fp   string // of DTLS, when it is asked for
	mu          sync.Mutex
	conn        net.Conn
}

type members map[string]interface{}

func (a *adapter) tell(ev string, m members) {
	if m == nil {
		m = members{}
	}
	m["ev"] = ev
	line, _ := json.Marshal(m)
	a.out.Lock()
	defer a.out.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func fingerprint(der []byte) string {
	return "sha-256 " + strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(der)), " ", ":")
}

func (a *adapter) create(o op) error {
	cfg := &ice.AgentConfig{NetworkTypes: []ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}, Lite: o.Lite == 1}
	if cfg.Lite {
		cfg.CandidateTypes = []ice.CandidateType{ice.CandidateTypeHost}
	}
	if o.Stun != "" {
		url, err := ice.ParseURL("stun:" + o.Stun)
		if err != nil {
			return err
		}
		cfg.Urls = []*ice.URL{url}
	}
	if o.Turn != "" { // "turn:ADDRESS:PORT?transport=udp,USER,PASSWORD"
		words := strings.SplitN(o.Turn, ",", 3)
		url, err := ice.ParseURL(words[0])
		if err != nil {
			return err
		}
		if len(words) == 3 {
			url.Username, url.Password = words[1], words[2]
		}
		cfg.Urls = append(cfg.Urls, url)
	}
	agent, err := ice.NewAgent(cfg)
	if err != nil {
		return err
	}
	a.agent, a.role = agent, o.Role
	agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			a.tell("gathered", members{"id": 1})
			return
		}
		a.tell("cand", members{"id": 1, "comp": 1, "c": c.Marshal()})
	})
	agent.OnConnectionStateChange(func(s ice.ConnectionState) {
		a.tell("state", members{"id": 1, "s": strings.ToLower(s.String())})
	})
	return agent.OnSelectedCandidatePairChange(func(l, r ice.Candidate) {
		a.tell("selected", members{"id": 1, "comp": 1, "l": l.Marshal(), "r": r.Marshal()})
	})
}

func (a *adapter) gather() error {
	ufrag, pwd, err := a.agent.GetLocalUserCredentials()
	if err != nil {
		return err
	}
	a.tell("local", members{"id": 1, "ufrag": ufrag, "pwd": pwd, "fp": fingerprint(a.cert.Certificate[0])})
	return a.agent.GatherCandidates()
}

func (a *adapter) restart() error {
	a.ufrag = ""
	if err := a.agent.Restart("", ""); err != nil {
		return err
	}
	return a.gather()
}

// remote: other credentials than before are a restart of the far side.
func (a *adapter) remote(o op) error {
	if a.ufrag != "" && a.ufrag != o.Ufrag {
		if err := a.restart(); err != nil {
			return err
		}
	}
	a.ufrag, a.pwd = o.Ufrag, o.Pwd
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn != nil {
		return a.agent.SetRemoteCredentials(o.Ufrag, o.Pwd)
	}
	return nil
}

func (a *adapter) rcand(o op) error {
	c, err := ice.UnmarshalCandidate(o.C)
	if err != nil {
		return err
	}
	return a.agent.AddRemoteCandidate(c)
}

// run goes from checks to data.
func (a *adapter) run(ufrag, pwd string) {
	connect := a.agent.Accept
	if a.role == "controlling" {
		connect = a.agent.Dial
	}
	path, err := connect(context.Background(), ufrag, pwd)
	if err != nil {
		a.tell("state", members{"id": 1, "s": "failed", "why": err.Error()})
		return
	}
	var conn net.Conn = path
	if a.setup != "" {
		if conn, err = a.secure(path); err != nil {
			a.tell("dtls", members{"id": 1, "s": "failed", "why": err.Error()})
			return
		}
		a.tell("dtls", members{"id": 1, "s": "connected"})
	}
	a.mu.Lock()
	a.conn = conn
	a.mu.Unlock()
	buf := make([]byte, 65536)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		a.tell("data", members{"id": 1, "comp": 1, "b64": base64.StdEncoding.EncodeToString(buf[:n])})
	}
}

func (a *adapter) secure(path net.Conn) (net.Conn, error) {
	cfg := &dtls.Config{Certificates: []tls.Certificate{a.cert}, InsecureSkipVerify: true, ClientAuth: dtls.RequireAnyClientCert,
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !strings.EqualFold(fingerprint(raw[0]), a.fp) {
				// Client and Server end only with their context: what is decided here is told here.
				a.tell("dtls", members{"id": 1, "s": "failed", "why": "the fingerprint is another one"})
				return errors.New("the fingerprint is another one")
			}
			return nil
		}}
	if a.setup == "active" {
		return dtls.Client(path, cfg)
	}
	return dtls.Server(path, cfg)
}

func (a *adapter) send(o op) error {
	data, err := base64.StdEncoding.DecodeString(o.B64)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil && a.conn == nil {
		err = errors.New("there is no path yet")
	}
	if err == nil {
		_, err = a.conn.Write(data)
	}
	return err
}

func (a *adapter) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn != nil {
		a.conn.Close()
	}
	err := a.agent.Close()
	a.agent = nil
	a.tell("closed", members{"id": 1})
	return err
}

func (a *adapter) do(o op) error {
	switch o.Op {
	case "gather", "remote", "rcand", "eoc", "dtls", "start", "restart", "send", "close":
		if a.agent == nil {
			return errors.New("there is no session")
		}
	}
	switch o.Op {
	case "hello":
		a.tell("hello", members{"v": 1, "impl": "pion", "version": version, "mode": "live",
			"caps": "agent,stun,turn,turntcp,trickle,restart,lite,consent,dtls,ipv6", "profile": "8445"})
	case "create":
		return a.create(o)
	case "gather":
		return a.gather()
	case "remote":
		return a.remote(o)
	case "rcand":
		return a.rcand(o)
	case "eoc": // it has no use for it
	case "dtls":
		a.setup, a.fp = o.Setup, o.Fp
	case "start":
		go a.run(a.ufrag, a.pwd)
	case "restart":
		return a.restart()
	case "send":
		return a.send(o)
	case "close":
		return a.close()
	default:
		a.tell("unsupported", members{"op": o.Op})
	}
	return nil
}

// certificate is one with a key of the kind that the command line names: rsa (2,048 bits), p384, or P-256.
func certificate(kinds []string) tls.Certificate {
	var cert tls.Certificate
	var key crypto.PrivateKey
	var err error
	switch {
	case len(kinds) == 0:
		cert, err = selfsign.GenerateSelfSigned()
	case kinds[0] == "rsa":
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
			cert, err = selfsign.SelfSign(key)
		}
	case kinds[0] == "p384":
		if key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader); err == nil {
			cert, err = selfsign.SelfSign(key)
		}
	default:
		err = errors.New("usage: pion [rsa|p384]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return cert
}

func main() {
	a := &adapter{}
	a.cert = certificate(os.Args[1:])
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<18)
	for lines.Scan() {
		var o op
		err := json.Unmarshal(lines.Bytes(), &o)
		if err == nil {
			err = a.do(o)
		}
		if err != nil {
			a.tell("error", members{"id": 1, "op": o.Op, "why": err.Error()})
		}
	}
}
