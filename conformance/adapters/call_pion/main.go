// The other end of an audio call: pion's ICE and DTLS-SRTP, by the lines of JSON of conformance/call/main.c. pion's webrtc and srtp are not in
// Debian 12, so the description is made and read here, and SRTP (RFC 3711; with "gcm" RFC 7714) is done by Go's own AES, HMAC and GCM: a second
// opinion on what our keys, tags and packets are. With "rsa" or "p384" its certificate has a key of that kind.
// Build: GO111MODULE=off GOPATH=GOPATH_WITH_THIS:/usr/share/gocode go build
package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
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

// --- SRTP ---

// a suite protects the packets of one direction, RTP's or RTCP's, as a protection profile says.
type suite interface {
	seal(header, payload []byte, ssrc uint32, seq uint16) []byte // an RTP packet
	open(packet []byte, ssrc uint32, seq uint16) (payload []byte, ok bool)
	openRTCP(packet []byte) bool // whether its tag is right
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

func newBlock(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		fatal(err)
	}
	return b
}

// sha80 is SRTP_AES128_CM_HMAC_SHA1_80 (RFC 3711).
type sha80 struct {
	block cipher.Block
	salt  [14]byte
	auth  []byte
}

func newSHA80(key, salt []byte, first byte) suite {
	master := newBlock(key)
	k := &sha80{block: newBlock(derive(master, salt, first, 16)), auth: derive(master, salt, first+1, 20)}
	copy(k.salt[:], derive(master, salt, first+2, 14))
	return k
}

// crypt is section 4.1.1, for packet index i of ssrc.
func (k *sha80) crypt(p []byte, ssrc uint32, i uint64) {
	iv := make([]byte, 16)
	copy(iv, k.salt[:])
	binary.BigEndian.PutUint32(iv[4:], binary.BigEndian.Uint32(iv[4:])^ssrc)
	binary.BigEndian.PutUint64(iv[8:], binary.BigEndian.Uint64(iv[8:])^i<<16)
	cipher.NewCTR(k.block, iv).XORKeyStream(p, p)
}

func (k *sha80) tag(p, more []byte) []byte {
	m := hmac.New(sha1.New, k.auth)
	m.Write(p)
	m.Write(more)
	return m.Sum(nil)[:10]
}

func (k *sha80) seal(header, payload []byte, ssrc uint32, seq uint16) []byte {
	p := append(append([]byte{}, header...), payload...)
	k.crypt(p[len(header):], ssrc, uint64(seq))
	return append(p, k.tag(p, []byte{0, 0, 0, 0})...)
}

func (k *sha80) open(p []byte, ssrc uint32, seq uint16) ([]byte, bool) {
	n := len(p) - 10
	if !hmac.Equal(k.tag(p[:n], []byte{0, 0, 0, 0}), p[n:]) {
		return nil, false
	}
	k.crypt(p[12:n], ssrc, uint64(seq))
	return p[12:n], true
}

func (k *sha80) openRTCP(p []byte) bool { // the tag is over the index too
	n := len(p) - 10
	return hmac.Equal(k.tag(p[:n], nil), p[n:])
}

// gcm is SRTP_AEAD_AES_128_GCM (RFC 7714).
type gcm struct {
	aead cipher.AEAD
	salt [12]byte
}

func newGCM(key, salt []byte, first byte) suite {
	wide := append(append([]byte{}, salt...), 0, 0) // section 11: derived as a salt of 14 bytes is
	master := newBlock(key)
	aead, err := cipher.NewGCM(newBlock(derive(master, wide, first, 16)))
	if err != nil {
		fatal(err)
	}
	k := &gcm{aead: aead}
	copy(k.salt[:], derive(master, wide, first+2, 12))
	return k
}

// nonce is section 8.1 of a packet whose rollover counter is 0, and section 9.1 with the index in its place.
func (k *gcm) nonce(ssrc uint32, last uint32, at int) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint32(n[2:], ssrc)
	if at == 10 {
		binary.BigEndian.PutUint16(n[10:], uint16(last))
	} else {
		binary.BigEndian.PutUint32(n[8:], last)
	}
	for i := range n {
		n[i] ^= k.salt[i]
	}
	return n
}

func (k *gcm) seal(header, payload []byte, ssrc uint32, seq uint16) []byte {
	return append(append([]byte{}, header...), k.aead.Seal(nil, k.nonce(ssrc, uint32(seq), 10), payload, header)...)
}

func (k *gcm) open(p []byte, ssrc uint32, seq uint16) ([]byte, bool) {
	b, err := k.aead.Open(nil, k.nonce(ssrc, uint32(seq), 10), p[12:], p[:12])
	return b, err == nil
}

func (k *gcm) openRTCP(p []byte) bool { // section 9.2: what authenticates is the header and the index with its E bit
	n := len(p) - 4
	index := binary.BigEndian.Uint32(p[n:])
	_, err := k.aead.Open(nil, k.nonce(binary.BigEndian.Uint32(p[4:]), index&0x7fffffff, 8), p[8:n], append(append([]byte{}, p[:8]...), p[n:]...))
	return err == nil
}

var suites = map[dtls.SRTPProtectionProfile]struct {
	key, salt int
	make      func(key, salt []byte, first byte) suite
}{
	dtls.SRTP_AES128_CM_HMAC_SHA1_80: {16, 14, newSHA80},
	dtls.SRTP_AEAD_AES_128_GCM:       {16, 12, newGCM},
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
	in, out, inc                  suite
	profile                       dtls.SRTPProtectionProfile // that is offered
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
	if p[1] >= 192 && p[1] <= 223 {
		if !c.inc.openRTCP(p) {
			c.refused++
			return
		}
		c.reports++
		return
	}
	seq := int(binary.BigEndian.Uint16(p[2:])) // a call of some seconds that begins below 2^15: the rollover counter is 0
	payload, ok := c.in.open(p, binary.BigEndian.Uint32(p[8:]), uint16(seq))
	if !ok {
		c.refused++
		return
	}
	c.received++
	if c.first < 0 || seq < c.first {
		c.first = seq
	}
	if seq > c.highest {
		c.highest = seq
	}
	c.lost = c.highest - c.first + 1 - c.received
	if len(payload) > 0 && payload[0] == 0xf8 { // an Opus frame of 20 ms
		c.decoded++
	}
}

func (c *call) send(to net.Conn, seq uint16) {
	header, payload := make([]byte, 12), make([]byte, 40)
	header[0], header[1] = 0x80, 111
	binary.BigEndian.PutUint16(header[2:], seq)
	binary.BigEndian.PutUint32(header[4:], uint32(seq)*960)
	binary.BigEndian.PutUint32(header[8:], 77)
	copy(payload, []byte{0xf8, 0xff, 0xfe})
	p := c.out.seal(header, payload, 77, seq)
	if _, err := to.Write(p); err == nil {
		c.mu.Lock()
		c.sent++
		c.mu.Unlock()
	}
}

// load takes the keys that the handshake exports: client and server key, client and server salt (RFC 5764 section 4.2).
func (c *call) load(d *dtls.Conn, client bool) error {
	p, ok := d.SelectedSRTPProtectionProfile()
	how, known := suites[p]
	if !ok || !known {
		return errors.New("no protection profile of SRTP was agreed on")
	}
	state := d.ConnectionState()
	k, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(how.key+how.salt))
	if err != nil {
		return err
	}
	own, far := 0, 1
	if !client {
		own, far = 1, 0
	}
	key := func(i int) []byte { return k[how.key*i:][:how.key] }
	salt := func(i int) []byte { return k[2*how.key+how.salt*i:][:how.salt] }
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out, c.in, c.inc = how.make(key(own), salt(own), 0), how.make(key(far), salt(far), 0), how.make(key(far), salt(far), 3)
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
		SRTPProtectionProfiles: []dtls.SRTPProtectionProfile{c.profile},
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
	c := &call{gathered: make(chan bool, 1), first: -1, profile: dtls.SRTP_AES128_CM_HMAC_SHA1_80}
	var err error
	var key crypto.PrivateKey
	for _, word := range os.Args[1:] { // [gcm] [rsa|p384] offer|answer
		switch word {
		case "offer", "answer":
			c.offers = word == "offer"
		case "gcm":
			c.profile = dtls.SRTP_AEAD_AES_128_GCM
		case "rsa":
			key, err = rsa.GenerateKey(rand.Reader, 2048)
		case "p384":
			key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		default:
			err = errors.New("no such word: " + word)
		}
		if err != nil {
			fatal(err)
		}
	}
	if key != nil {
		c.cert, err = selfsign.SelfSign(key)
	} else {
		c.cert, err = selfsign.GenerateSelfSigned()
	}
	if err != nil {
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
