// The other end of an audio call: pion's ICE and DTLS-SRTP, by the lines of JSON of conformance/call/main.c. pion's webrtc and srtp are not in
// Debian 12, so the description is made and read here, and SRTP_AES128_CM_HMAC_SHA1_80 (RFC 3711) is done by Go's own AES and HMAC: a second
// opinion on what our keys, tags and packets are.
// Build: GO111MODULE=off GOPATH=GOPATH_WITH_THIS:/usr/share/gocode go build
package main

import (
	"bufio"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v2"
	"github.com/pion/dtls/v2/pkg/crypto/selfsign"
	"github.com/pion/ice/v2"
)

var out sync.Mutex

func tell(ev string, m map[string]interface{}) {
	m["ev"] = ev
	line, _ := json.Marshal(m)
	out.Lock()
	defer out.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func fatal(err error) {
	tell("state", map[string]interface{}{"state": "failed", "why": err.Error()})
	os.Exit(1)
}

func fingerprint(der []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(der)), " ", ":")
}

// --- SRTP_AES128_CM_HMAC_SHA1_80 ---

// keys are those of one direction, of SRTP or of SRTCP.
type keys struct {
	block cipher.Block
	salt  [14]byte
	auth  []byte
}

// derive is the key derivation of RFC 3711 section 4.3.1 with a rate of 0.
func derive(master cipher.Block, salt []byte, label byte, n int) []byte {
	iv := make([]byte, 16)
	copy(iv, salt)
	iv[7] ^= label
	b := make([]byte, n)
	cipher.NewCTR(master, iv).XORKeyStream(b, b)
	return b
}

func newKeys(key, salt []byte, first byte) keys {
	master, _ := aes.NewCipher(key)
	k := keys{auth: derive(master, salt, first+1, 20)}
	k.block, _ = aes.NewCipher(derive(master, salt, first, 16))
	copy(k.salt[:], derive(master, salt, first+2, 14))
	return k
}

// crypt is section 4.1.1, for packet index i of ssrc.
func (k *keys) crypt(p []byte, ssrc uint32, i uint64) {
	iv := make([]byte, 16)
	copy(iv, k.salt[:])
	binary.BigEndian.PutUint32(iv[4:], binary.BigEndian.Uint32(iv[4:])^ssrc)
	binary.BigEndian.PutUint64(iv[8:], binary.BigEndian.Uint64(iv[8:])^i<<16)
	cipher.NewCTR(k.block, iv).XORKeyStream(p, p)
}

func (k *keys) tag(p []byte, more []byte) []byte {
	m := hmac.New(sha1.New, k.auth)
	m.Write(p)
	m.Write(more)
	return m.Sum(nil)[:10]
}

// --- the path: DTLS and SRTP by the first byte (RFC 7983) ---

type path struct {
	net.Conn
	rtp func([]byte)
}

func (p *path) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		if err != nil {
			return n, err
		}
		if n > 0 && b[0] >= 20 && b[0] <= 63 {
			return n, nil
		}
		if n > 0 && b[0] >= 128 && b[0] <= 191 {
			p.rtp(append([]byte{}, b[:n]...))
		}
	}
}

// --- the call ---

type call struct {
	agent                         *ice.Agent
	cert                          tls.Certificate
	offers                        bool
	mu                            sync.Mutex
	in, out, inc                  keys
	open                          bool
	sent, received, reports, lost int
	decoded, refused              int
	highest, first                int
	cands                         []string
	gathered                      chan bool
}

func (c *call) describe() string {
	ufrag, pwd, err := c.agent.GetLocalUserCredentials()
	if err != nil {
		fatal(err)
	}
	setup := "active"
	if c.offers {
		setup = "actpass"
	}
	lines := []string{"v=0", "o=- 4711 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111 0", "c=IN IP4 0.0.0.0",
		"a=mid:0", "a=ice-ufrag:" + ufrag, "a=ice-pwd:" + pwd, "a=fingerprint:sha-256 " + fingerprint(c.cert.Certificate[0]), "a=setup:" + setup,
		"a=rtcp-mux", "a=sendrecv", "a=rtpmap:111 opus/48000/2", "a=ssrc:77 cname:pion"}
	for _, s := range c.cands {
		lines = append(lines, "a=candidate:"+s)
	}
	return strings.Join(append(lines, "a=end-of-candidates"), "\r\n") + "\r\n"
}

func attr(sdp, name string) string {
	m := regexp.MustCompile(`(?m)^a=` + name + `:([^\r\n]*)`).FindStringSubmatch(sdp)
	if m == nil {
		fatal(errors.New("the description has no " + name))
	}
	return m[1]
}

// take counts a packet that came.
func (c *call) take(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open || len(p) < 24 {
		return
	}
	n := len(p) - 10
	if p[1] >= 192 && p[1] <= 223 { // SRTCP: the tag is over the index too
		if !hmac.Equal(c.inc.tag(p[:n], nil), p[n:]) {
			c.refused++
			return
		}
		c.reports++
		return
	}
	seq := int(binary.BigEndian.Uint16(p[2:])) // a call of some seconds that begins below 2^15: the rollover counter is 0
	if !hmac.Equal(c.in.tag(p[:n], []byte{0, 0, 0, 0}), p[n:]) {
		c.refused++
		return
	}
	c.in.crypt(p[12:n], binary.BigEndian.Uint32(p[8:]), uint64(seq))
	c.received++
	if c.first < 0 || seq < c.first {
		c.first = seq
	}
	if seq > c.highest {
		c.highest = seq
	}
	c.lost = c.highest - c.first + 1 - c.received
	if p[12] == 0xf8 { // an Opus frame of 20 ms
		c.decoded++
	}
}

func (c *call) send(to net.Conn, seq uint16) {
	p := make([]byte, 12+40, 12+40+10)
	p[0], p[1] = 0x80, 111
	binary.BigEndian.PutUint16(p[2:], seq)
	binary.BigEndian.PutUint32(p[4:], uint32(seq)*960)
	binary.BigEndian.PutUint32(p[8:], 77)
	copy(p[12:], []byte{0xf8, 0xff, 0xfe})
	c.out.crypt(p[12:], 77, uint64(seq))
	p = append(p, c.out.tag(p, []byte{0, 0, 0, 0})...)
	if _, err := to.Write(p); err == nil {
		c.mu.Lock()
		c.sent++
		c.mu.Unlock()
	}
}

// load takes the keys that the handshake exports: client and server key, client and server salt (RFC 5764 section 4.2).
func (c *call) load(d *dtls.Conn, client bool) error {
	if p, ok := d.SelectedSRTPProtectionProfile(); !ok || p != dtls.SRTP_AES128_CM_HMAC_SHA1_80 {
		return errors.New("no protection profile of SRTP was agreed on")
	}
	state := d.ConnectionState()
	k, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 60)
	if err != nil {
		return err
	}
	own, far := 0, 1
	if !client {
		own, far = 1, 0
	}
	key := func(i int) []byte { return k[16*i : 16*i+16] }
	salt := func(i int) []byte { return k[32+14*i : 32+14*i+14] }
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out, c.in, c.inc = newKeys(key(own), salt(own), 0), newKeys(key(far), salt(far), 0), newKeys(key(far), salt(far), 3)
	c.open = true
	return nil
}

func (c *call) run(sdp string) {
	connect := c.agent.Accept
	if c.offers {
		connect = c.agent.Dial
	}
	conn, err := connect(context.Background(), attr(sdp, "ice-ufrag"), attr(sdp, "ice-pwd"))
	if err != nil {
		fatal(err)
	}
	print := strings.ToUpper(strings.Fields(attr(sdp, "fingerprint"))[1])
	cfg := &dtls.Config{Certificates: []tls.Certificate{c.cert}, InsecureSkipVerify: true, ClientAuth: dtls.RequireAnyClientCert,
		SRTPProtectionProfiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80},
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || fingerprint(raw[0]) != print {
				return errors.New("another fingerprint than was announced")
			}
			return nil
		}}
	client, p := !c.offers, &path{conn, c.take} // who answers is active; an answer to us says active too
	var d *dtls.Conn
	if client {
		d, err = dtls.Client(p, cfg)
	} else {
		d, err = dtls.Server(p, cfg)
	}
	if err == nil {
		err = c.load(d, client)
	}
	if err != nil {
		fatal(err)
	}
	tell("state", map[string]interface{}{"state": "open"})
	go func() { // DTLS is read on, and with it what is SRTP
		b := make([]byte, 2048)
		for {
			if _, err := d.Read(b); err != nil {
				return
			}
		}
	}()
	seq := uint16(100)
	for range time.Tick(20 * time.Millisecond) {
		c.send(conn, seq)
		seq++
	}
}

func (c *call) report() {
	for range time.Tick(time.Second) {
		c.mu.Lock()
		tell("stats", map[string]interface{}{"sent": c.sent, "received": c.received, "lost": c.lost, "decoded": c.decoded, "reports": c.reports,
			"refused": c.refused})
		c.mu.Unlock()
	}
}

func (c *call) sdp(text string) {
	for _, m := range regexp.MustCompile(`(?m)^a=candidate:([^\r\n]*)`).FindAllStringSubmatch(text, -1) {
		if r, err := ice.UnmarshalCandidate(m[1]); err == nil {
			_ = c.agent.AddRemoteCandidate(r)
		}
	}
	if !c.offers {
		<-c.gathered
		tell("sdp", map[string]interface{}{"sdp": c.describe()})
	}
	go c.run(text)
}

func main() {
	c := &call{offers: len(os.Args) > 1 && os.Args[1] == "offer", gathered: make(chan bool, 1), first: -1}
	var err error
	if c.cert, err = selfsign.GenerateSelfSigned(); err != nil {
		fatal(err)
	}
	if c.agent, err = ice.NewAgent(&ice.AgentConfig{NetworkTypes: []ice.NetworkType{ice.NetworkTypeUDP4}}); err != nil {
		fatal(err)
	}
	_ = c.agent.OnCandidate(func(x ice.Candidate) {
		if x == nil {
			c.gathered <- true
		} else {
			c.cands = append(c.cands, x.Marshal())
		}
	})
	if err = c.agent.GatherCandidates(); err != nil {
		fatal(err)
	}
	if c.offers {
		<-c.gathered
		tell("sdp", map[string]interface{}{"sdp": c.describe()})
	}
	go c.report()
	for lines, m := json.NewDecoder(bufio.NewReader(os.Stdin)), map[string]string{}; lines.Decode(&m) == nil && m["op"] != "close"; {
		if m["op"] == "sdp" {
			c.sdp(m["sdp"])
		}
	}
	_ = c.agent.Close()
	tell("state", map[string]interface{}{"state": "closed"})
}
