/* Voice and video. */
#include "stack/rtp/source.h"

#include "stack/rtp/clock.h"

#define PAYLOAD_MAX 1400
#define RATE_MAX 1000000
#define BITRATE_MAX 100000000

it_rtp_source_cfg it_rtp_voice(uint32_t ssrc, uint8_t pt, it_rng rng)
{
    uint32_t rate = pt == IT_RTP_PT_PCMU ? 8000 : 48000;
    return (it_rtp_source_cfg){.ssrc = ssrc, .pt = pt, .rate = rate, .payload = IT_RTP_VOICE_PAYLOAD, .rng = rng};
}

it_rtp_source_cfg it_rtp_video(uint32_t ssrc, uint8_t pt, uint32_t bitrate, it_rng rng)
{
    return (it_rtp_source_cfg){.ssrc = ssrc,
                               .pt = pt,
                               .rate = IT_RTP_VIDEO_RATE,
                               .fps = 30,
                               .bitrate = bitrate,
                               .key_every = 300,
                               .key_times = 8,
                               .payload = 1100,
                               .rng = rng};
}

static bool cfg_good(const it_rtp_source_cfg *c)
{
    const struct {
        uint32_t value, least, most;
    } ranges[] = {{c->rate, 1000, RATE_MAX}, {c->pt, 0, 127},        {c->payload, 1, PAYLOAD_MAX},
                  {c->fps, 0, 1000},         {c->key_times, 0, 100}, {c->bitrate, c->fps > 0, BITRATE_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].value < ranges[i].least || ranges[i].value > ranges[i].most)
            return false;
    return true;
}

int it_rtp_source_init(it_rtp_source *s, const it_rtp_source_cfg *cfg)
{
    if (!cfg_good(cfg))
        return IT_ERR_RANGE;
    *s = (it_rtp_source){.cfg = *cfg, .due = IT_NEVER};
    uint64_t r = it_rng_u64(&s->cfg.rng);
    /* RFC 3711 section 3.3.1: from below 2^15, so that no receiver that loses the first packets takes a wrap of the
     * sequence number for the one before it. */
    s->seq = (uint16_t)(r & 0x7fff);
    s->ts_first = (uint32_t)(r >> 32);
    return 0;
}

uint32_t it_rtp_source_ts(const it_rtp_source *s, it_time now)
{
    return s->ts_first + (uint32_t)it_rtp_ticks(now - s->start, s->cfg.rate);
}

void it_rtp_source_start(it_rtp_source *s, it_time now)
{
    if (s->on)
        return;
    s->ts_first = it_rtp_source_ts(s, now); /* the clock ran on in silence */
    s->start = s->due = now;
    s->on = s->first = true;
    s->frame = s->left = s->parts = s->done = 0;
    s->key_wanted = true;
}

void it_rtp_source_stop(it_rtp_source *s)
{
    s->on = false;
    s->due = IT_NEVER;
}

void it_rtp_source_key(it_rtp_source *s)
{
    s->key_wanted = true;
}

/* Fills a payload. Of Opus it is a frame of 20 ms that decodes: full band, mono, one frame (RFC 6716 section 3.1:
 * 0xf8), silence. */
static void payload_fill(const it_rtp_source *s, uint8_t *p, uint16_t n)
{
    static const uint8_t SILENCE[] = {0xf8, 0xff, 0xfe};
    memset(p, 0x5a, n);
    if (s->cfg.fps == 0 && s->cfg.rate == 48000 && n >= sizeof SILENCE)
        memcpy(p, SILENCE, sizeof SILENCE);
}

/* Writes a packet with |n| bytes of payload and the timestamp of |at|. */
static int source_write(it_rtp_source *s, it_time now, it_time at, bool marker, uint16_t n, uint8_t *buf, size_t cap)
{
    uint8_t filler[PAYLOAD_MAX];
    payload_fill(s, filler, n);
    s->ts = it_rtp_source_ts(s, at);
    it_rtp r = {.marker = marker, .pt = s->cfg.pt, .seq = s->seq++, .ts = s->ts, .ssrc = s->cfg.ssrc};
    r.payload = it_bytes_of(filler, n);
    int size = it_rtp_build(&r, buf, cap);
    if (size < 0)
        return size;
    s->sent = now;
    s->packets++;
    s->octets += n;
    return size;
}

static int voice_packet(it_rtp_source *s, it_time now, uint8_t *buf, size_t cap)
{
    bool marker = s->first;
    s->first = false;
    int n = source_write(s, now, now, marker, s->cfg.payload, buf, cap);
    s->due += IT_RTP_VOICE_INTERVAL;
    if (s->due <= now)
        s->due = now + IT_RTP_VOICE_INTERVAL; /* a late caller does not catch up */
    return n;
}

/* When frame |i| begins. */
static it_time frame_time(const it_rtp_source *s, uint64_t i)
{
    return s->start + it_rtp_time((int64_t)i, s->cfg.fps);
}

/* The number of the last frame that has begun at |now|. */
static uint64_t frame_at(const it_rtp_source *s, it_time now)
{
    uint64_t i = it_rtp_ticks(now - s->start, s->cfg.fps);
    return frame_time(s, i + 1) <= now ? i + 1 : i;
}

/* Draws the size of the next frame: its mean a quarter more or less; a key frame's so many times that. */
static void frame_begin(it_rtp_source *s, it_time now)
{
    const it_rtp_source_cfg *c = &s->cfg;
    uint32_t mean = c->bitrate / 8 / c->fps;
    if (frame_at(s, now) > s->frame)
        s->frame = frame_at(s, now);
    bool key = s->key_wanted || (c->key_every && s->frame % c->key_every == 0);
    if (key && c->key_times)
        mean *= c->key_times;
    s->key_wanted = false;
    s->left = mean - mean / 4 + (uint32_t)it_rng_below(&s->cfg.rng, mean / 2 + 1);
    if (s->left == 0)
        s->left = 1;
    s->parts = (s->left + c->payload - 1) / c->payload;
    s->done = 0;
    s->frames++;
    s->keys += key;
}

/* Packets of a frame are of equal size, and spread over the frame interval. */
static int video_packet(it_rtp_source *s, it_time now, uint8_t *buf, size_t cap)
{
    if (s->done == s->parts)
        frame_begin(s, now);
    uint32_t n = (s->left + s->parts - s->done - 1) / (s->parts - s->done);
    s->left -= n;
    s->done++;
    bool last = s->done == s->parts;
    it_time begun = frame_time(s, s->frame), next = frame_time(s, s->frame + 1);
    int size = source_write(s, now, begun, last, (uint16_t)n, buf, cap);
    s->due = last ? next : begun + (next - begun) / s->parts * s->done;
    s->frame += last;
    return size;
}

int it_rtp_source_packet(it_rtp_source *s, it_time now, uint8_t *buf, size_t cap)
{
    if (!s->on || now < s->due)
        return 0;
    if (s->cfg.fps)
        return video_packet(s, now, buf, cap);
    return voice_packet(s, now, buf, cap);
}
