/* Where media comes from: voice, a packet every 20 ms, and video, frames of many packets that are paced over the frame
 * interval.
 *
 * Sizes of frames are drawn from a stream of their own, so equal streams give equal packets. The payload is filler.
 * Nothing is made up for: packets and frames whose time passed while nobody asked are never made, and timestamps say
 * so. Bandwidth is not estimated: a source sends what its config says. */
#ifndef IT_STACK_RTP_SOURCE_H
#define IT_STACK_RTP_SOURCE_H

#include "base/rng.h"
#include "base/time.h"
#include "stack/rtp/rtp.h"

#define IT_RTP_PT_PCMU 0 /* RFC 3551 */
#define IT_RTP_PT_OPUS 111
#define IT_RTP_PT_VIDEO 96
#define IT_RTP_VOICE_INTERVAL (20 * IT_MS)
#define IT_RTP_VOICE_PAYLOAD 160
#define IT_RTP_VIDEO_RATE 90000

typedef struct it_rtp_source_cfg {
    uint32_t ssrc;
    uint8_t pt;
    uint32_t rate;      /* of the media clock in Hz: 8000 for PCMU, 48000 for Opus, 90000 for video */
    uint32_t fps;       /* frames a second; 0: voice */
    uint32_t bitrate;   /* video: of payload, bit/s, on average, up to 100 million */
    uint32_t key_every; /* video: every so many frames one is a key frame; 0: the first alone, and on request */
    uint32_t key_times; /* video: a key frame is so many times a mean frame */
    uint16_t payload;   /* voice: of a packet; video: most of a packet; up to 1,400 bytes */
    it_rng rng;         /* initial sequence number and timestamp (RFC 3550 section 5.1), sizes of frames */
} it_rtp_source_cfg;

/* Voice of payload type |pt| (PCMU, else a clock of 48 kHz), and video at 30 frames a second of |bitrate| bit/s with a
 * key frame of eight times the mean every ten seconds. */
it_rtp_source_cfg it_rtp_voice(uint32_t ssrc, uint8_t pt, it_rng rng);
it_rtp_source_cfg it_rtp_video(uint32_t ssrc, uint8_t pt, uint32_t bitrate, it_rng rng);

typedef struct it_rtp_source {
    it_rtp_source_cfg cfg;
    bool on, key_wanted, first; /* |first|: the next packet is the first since it began (RFC 3551 section 4.1) */
    it_time due;                /* of the next packet; IT_NEVER: silent */
    it_time start;              /* when it began last */
    uint16_t seq;
    uint32_t ts_first, ts; /* at |start|, of the last packet */
    it_time sent;          /* when the last one left */
    uint32_t packets, octets;
    /* the frame being sent */
    uint64_t frame; /* its number since |start| */
    uint32_t left, parts, done;
    uint64_t frames, keys;
} it_rtp_source;

/* Begins silent. |cfg| is copied. Returns 0 or IT_ERR_RANGE: a rate, payload or payload type out of range, video
 * without a bit rate, more than 1,000 frames a second. */
int it_rtp_source_init(it_rtp_source *s, const it_rtp_source_cfg *cfg) IT_MUST_CHECK;
/* Begins sending at |now|, or stops. Sequence numbers go on where they were, timestamps with time. */
void it_rtp_source_start(it_rtp_source *s, it_time now);
void it_rtp_source_stop(it_rtp_source *s);
/* The next frame is a key frame: somebody has lost one (RFC 4585 section 6.3.1). */
void it_rtp_source_key(it_rtp_source *s);
/* Writes the packet that is due at |now|. Returns its size, 0 when none is, or IT_ERR_FULL; the packet is then lost. */
int it_rtp_source_packet(it_rtp_source *s, it_time now, uint8_t *buf, size_t cap);
/* The timestamp that |now| has in the media clock. */
uint32_t it_rtp_source_ts(const it_rtp_source *s, it_time now);

#endif
