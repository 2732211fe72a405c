/* The messages of Flash on flows (RFC 7425 section 5): the metadata of a flow, RTMP messages, and the commands that
 * make a NetConnection. In AMF0. */
#ifndef IT_STACK_RTMFP_FLASH_MESSAGE_H
#define IT_STACK_RTMFP_FLASH_MESSAGE_H

#include "base/addr.h"
#include "stack/rtmfp/flash/amf.h"

#define IT_RTMFP_TC_MOST 8 /* bytes of a flow's metadata */
#define IT_RTMFP_STREAM_MOST 0xffffff
#define IT_RTMFP_COMMAND_MOST 1024 /* bytes of a command that is made */
#define IT_RTMFP_PEER_ADDRS 16     /* addresses of a setPeerInfo that are taken */

/* RTMP message types (section 5.1.2). */
enum it_rtmfp_message_type {
    IT_RTMFP_MSG_USER_CONTROL = 4,
    IT_RTMFP_MSG_AUDIO = 8,
    IT_RTMFP_MSG_VIDEO = 9,
    IT_RTMFP_MSG_COMMAND_EXT = 17,
    IT_RTMFP_MSG_DATA = 18,
    IT_RTMFP_MSG_COMMAND = 20
};

/* The metadata of a flow of stream |stream| (section 5.1.1); |network|: its messages may be delivered in the order in
 * which they come. */
typedef struct it_rtmfp_tc {
    uint32_t stream;
    bool network;
} it_rtmfp_tc;

/* Appends it. */
void it_rtmfp_tc_put(it_buf *b, it_rtmfp_tc tc);
/* Reads it. False: another signature, no stream, or cut; such a flow SHOULD be rejected (section 5.1.1). */
bool it_rtmfp_tc_get(it_bytes metadata, it_rtmfp_tc *tc);

typedef struct it_rtmfp_message {
    uint8_t type;
    uint32_t timestamp; /* ms */
    it_bytes payload;
} it_rtmfp_message;

/* Reads a message. False: cut, or of a type that is to be ignored (section 5.1.2: 1, 2, 3, 5, 6). */
bool it_rtmfp_message_get(it_bytes bytes, it_rtmfp_message *m);

/* A command (sections 5.3.1 to 5.3.3): |args| is what follows its transaction ID. */
typedef struct it_rtmfp_command {
    it_bytes name;
    int64_t transaction;
    it_rd args;
} it_rtmfp_command;

/* Reads a command, of either type. False when |m| is none, or malformed. */
bool it_rtmfp_command_get(const it_rtmfp_message *m, it_rtmfp_command *c);
/* Begins a message with a command; what else it has is appended behind. */
void it_rtmfp_command_put(it_buf *b, const char *name, int64_t transaction);

/* "connect" to |uri| (section 5.3.1); what a server answers, |ok| or not; "setPeerInfo" (section 5.3.3). */
void it_rtmfp_connect_put(it_buf *b, it_bytes uri);
void it_rtmfp_connect_answer_put(it_buf *b, int64_t transaction, bool ok);
void it_rtmfp_peer_info_put(it_buf *b, const it_addr *addrs, size_t n);
/* The addresses of a setPeerInfo whose name was read, at most |most|; those that are none are passed over. */
size_t it_rtmfp_peer_info_get(it_rtmfp_command *c, it_addr *addrs, size_t most);
/* The "code" of an answer, as "NetConnection.Connect.Success"; {NULL, 0}: it has none. */
it_bytes it_rtmfp_answer_code(it_rtmfp_command *c);

#endif
