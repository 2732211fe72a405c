/* What the files of a session know of each other; nobody else includes this.
 *
 *     session.c  the object: commands, members, what goes out
 *     report.c   RTCP: reports of ours, those of others */
#ifndef IT_STACK_RTP_SESSION_IMPL_H
#define IT_STACK_RTP_SESSION_IMPL_H

#include "stack/rtp/interval.h"
#include "stack/rtp/session.h"

#define IT_RTP_EVENTS 32
#define IT_RTP_LOWER 28 /* UDP and IPv4, which RFC 3550 section 6.2 counts */

struct it_rtp_session {
    it_alloc *alloc;
    it_rtp_session_cfg cfg;
    char cname[256];
    it_rtp_source source;
    it_rtcp_interval rtcp;
    it_time ticked;     /* what is due until then waits for output */
    it_time reports[2]; /* when the last two reports left */
    bool left;          /* the BYE has left, or nothing was ever sent */
    it_rtp_member members[IT_RTP_MEMBERS];
    unsigned n_members;
    it_rtp_event events[IT_RTP_EVENTS];
    uint8_t fci[IT_RTP_EVENTS][IT_RTP_FCI_MAX];
    unsigned ev_head, ev_n;
    it_rtp_counts counts;
};

/* session.c: queues |ev|, or counts it as missed. */
void it_rtp_session_tell(it_rtp_session *s, const it_rtp_event *ev);
/* The member of |ssrc| that has been heard at |now|, a new one if there is room; NULL when there is none, or it has
 * just said BYE. */
it_rtp_member *it_rtp_session_hear(it_rtp_session *s, it_time now, uint32_t ssrc);
/* The member of |ssrc| or NULL. */
it_rtp_member *it_rtp_session_find(it_rtp_session *s, uint32_t ssrc);
/* |m| is no member any more, which is told. */
void it_rtp_session_remove(it_rtp_session *s, it_time now, it_rtp_member *m, enum it_rtp_event_kind why);

/* report.c: takes a datagram of RTCP; writes the report, or BYE, that is due. */
void it_rtp_report_take(it_rtp_session *s, it_time now, it_bytes datagram);
int it_rtp_report_write(it_rtp_session *s, it_time now, uint8_t *buf, size_t cap);

#endif
