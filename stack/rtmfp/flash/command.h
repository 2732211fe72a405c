/* The messages of NetStreams (RFC 7425 sections 5.3.4, 5.3.5, 5.4): commands that make, publish and play them, their
 * answers, and user control. All are put whole, with their RTMP header. */
#ifndef IT_STACK_RTMFP_FLASH_COMMAND_H
#define IT_STACK_RTMFP_FLASH_COMMAND_H

#include "base/time.h"
#include "stack/rtmfp/flash/message.h"
#include "stack/rtmfp/flash/status.h"

#define IT_RTMFP_NAME_MOST 64 /* bytes of a stream's name */

/* "createStream", which is answered by "_result" with the number of a stream; "deleteStream" of that number. */
void it_rtmfp_create_put(it_buf *b, int64_t transaction);
void it_rtmfp_created_put(it_buf *b, int64_t transaction, uint32_t stream);
void it_rtmfp_delete_put(it_buf *b, uint32_t stream);
/* The number that is the first argument after the command object, of either; false: there is none that is a stream's.
 */
bool it_rtmfp_number_get(it_rtmfp_command *c, uint32_t *stream);

/* "publish" or "play" of |name|; "closeStream" has none. */
void it_rtmfp_verb_put(it_buf *b, const char *verb, it_bytes name);
/* Its name: false when it is absent, empty or longer than IT_RTMFP_NAME_MOST. */
bool it_rtmfp_name_get(it_rtmfp_command *c, it_bytes *name);

/* "onStatus" of |code|, and the code of one; IT_RTMFP_CODES when it is not known. */
void it_rtmfp_status_put(it_buf *b, enum it_rtmfp_code code);
enum it_rtmfp_code it_rtmfp_status_get(it_rtmfp_command *c);

/* User control (section 5.3.4, 5.3.5). */
enum it_rtmfp_control_event {
    IT_RTMFP_STREAM_BEGIN = 0,  /* media of |a|, a stream, follows */
    IT_RTMFP_STREAM_EOF = 1,    /* none does */
    IT_RTMFP_SET_KEEPALIVE = 41 /* |a|, |b|: periods in ms, for the server and for peers */
};

typedef struct it_rtmfp_control {
    uint16_t event;
    uint32_t a, b;
} it_rtmfp_control;

/* Appends |c|, whose |b| counts for SET_KEEPALIVE alone. */
void it_rtmfp_control_put(it_buf *b, const it_rtmfp_control *c);
/* Reads it from |m|. False when |m| is not user control, or cut. Events beyond the three have |a| where there are four
 * bytes, else 0. */
bool it_rtmfp_control_get(const it_rtmfp_message *m, it_rtmfp_control *c);

/* Begins a message of |type| at |timestamp| ms; its payload is appended behind. */
void it_rtmfp_media_put(it_buf *b, uint8_t type, uint32_t timestamp);

/* Which of a stream's flows a message travels on, so that none waits for one of another class: 0 commands and data,
 * 1 audio, 2 video. */
#define IT_RTMFP_CLASSES 3
int it_rtmfp_class(uint8_t type);

#endif
