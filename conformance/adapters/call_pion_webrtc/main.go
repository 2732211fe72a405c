// The other end of a whole audio call: pion's RTCPeerConnection, by the lines of JSON of conformance/call/main.c.
// Usage: call_pion_webrtc [gcm|sha80] [rsa|p384] offer|answer; "describe MEDIA..." (audio, video, data) prints an offer of these and ends.
// Build: GO111MODULE=off GOPATH=GOPATH_WITH_THIS:/usr/share/gocode go build
package main

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/pion/dtls/v2"
	"github.com/pion/rtp"
	"github.com/pion/webrtc"
)

var out sync.Mutex

func tell(ev string, m map[string]interface{}) {
	m["ev"] = ev
	line, _ := json.Marshal(m)
	out.Lock()
	defer out.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func need(err error) {
	if err != nil {
		tell("state", map[string]interface{}{"state": "failed", "why": err.Error()})
		os.Exit(1)
	}
}

type call struct {
	pc                                     *webrtc.PeerConnection
	offers                                 bool
	mu                                     sync.Mutex
	sent, received, decoded, first, latest int
}

// hear counts what comes: 16 bits of number are enough for some seconds that begin below 2^15.
func (c *call) hear(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		seq := int(p.SequenceNumber)
		c.mu.Lock()
		c.received++
		if c.first < 0 || seq < c.first {
			c.first = seq
		}
		if seq > c.latest {
			c.latest = seq
		}
		if len(p.Payload) > 0 {
			c.decoded++
		}
		c.mu.Unlock()
	}
}

// speak sends an Opus frame of silence each 20 ms.
func (c *call) speak(t *webrtc.TrackLocalStaticRTP) {
	seq := uint16(100)
	for range time.Tick(20 * time.Millisecond) {
		if c.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
			continue
		}
		h := rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 960}
		if t.WriteRTP(&rtp.Packet{Header: h, Payload: []byte{0xf8, 0xff, 0xfe}}) == nil {
			c.mu.Lock()
			c.sent++
			c.mu.Unlock()
		}
		seq++
	}
}

func (c *call) report() {
	for range time.Tick(time.Second) {
		c.mu.Lock()
		lost := 0
		if c.first >= 0 {
			lost = c.latest - c.first + 1 - c.received
		}
		tell("stats", map[string]interface{}{"sent": c.sent, "received": c.received, "lost": lost, "decoded": c.decoded})
		c.mu.Unlock()
	}
}

// describe makes the local description, whole.
func (c *call) describe() string {
	make := func() (webrtc.SessionDescription, error) { return c.pc.CreateAnswer(nil) }
	if c.offers {
		make = func() (webrtc.SessionDescription, error) { return c.pc.CreateOffer(nil) }
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	d, err := make()
	need(err)
	need(c.pc.SetLocalDescription(d))
	<-gathered
	return c.pc.LocalDescription().SDP
}

func (c *call) take(sdp string) {
	kind := webrtc.SDPTypeOffer
	if c.offers {
		kind = webrtc.SDPTypeAnswer
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: sdp}); err != nil {
		tell("peer", map[string]interface{}{"why": err.Error()})
		return
	}
	if !c.offers {
		tell("sdp", map[string]interface{}{"sdp": c.describe()})
	}
}

func (c *call) addMedia(kind string) *webrtc.TrackLocalStaticRTP {
	if kind == "data" {
		_, err := c.pc.CreateDataChannel("data", nil)
		need(err)
		return nil
	}
	mime := webrtc.MimeTypeOpus
	if kind == "video" {
		mime = webrtc.MimeTypeVP8
	}
	t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, kind, "pion")
	need(err)
	_, err = c.pc.AddTrack(t)
	need(err)
	return t
}

// connection is one as the words of the command line say.
func connection(words []string) *webrtc.PeerConnection {
	var settings webrtc.SettingEngine
	var cfg webrtc.Configuration
	var key crypto.PrivateKey
	var err error
	for _, word := range words {
		switch word {
		case "gcm":
			settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
		case "sha80":
			settings.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80)
		case "rsa":
			key, err = rsa.GenerateKey(rand.Reader, 2048)
		case "p384":
			key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		default:
			err = errors.New("no such word: " + word)
		}
		need(err)
	}
	if key != nil {
		cert, err := webrtc.GenerateCertificate(key)
		need(err)
		cfg.Certificates = []webrtc.Certificate{*cert}
	}
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	var media webrtc.MediaEngine
	need(media.RegisterDefaultCodecs())
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(&media)).NewPeerConnection(cfg)
	need(err)
	return pc
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "describe" {
		c := &call{pc: connection(nil), offers: true}
		for _, kind := range os.Args[2:] {
			c.addMedia(kind)
		}
		os.Stdout.WriteString(c.describe())
		return
	}
	if len(os.Args) < 2 {
		need(errors.New("usage: call_pion_webrtc [gcm|sha80] [rsa|p384] offer|answer"))
	}
	last := len(os.Args) - 1
	c := &call{pc: connection(os.Args[1:last]), offers: os.Args[last] == "offer", first: -1}
	c.pc.OnTrack(c.hear)
	c.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		state := s.String()
		if s == webrtc.PeerConnectionStateConnected {
			state = "open"
		}
		tell("state", map[string]interface{}{"state": state})
	})
	go c.speak(c.addMedia("audio"))
	if c.offers {
		tell("sdp", map[string]interface{}{"sdp": c.describe()})
	}
	go c.report()
	for lines, m := json.NewDecoder(bufio.NewReader(os.Stdin)), map[string]string{}; lines.Decode(&m) == nil && m["op"] != "close"; {
		if m["op"] == "sdp" {
			c.take(m["sdp"])
		}
	}
	_ = c.pc.Close()
}
