/* ChannelData: two numbers in front of the data. */
#include "stack/turn/channel.h"

enum it_turn_message it_turn_message_kind(it_bytes d)
{
    if (d.n == 0)
        return IT_TURN_MESSAGE_OTHER;
    /* RFC 8656 section 12, table 3; RFC 7983 section 7 */
    if (d.p[0] <= 3)
        return IT_TURN_MESSAGE_STUN;
    if (d.p[0] >= 64 && d.p[0] <= 79)
        return IT_TURN_MESSAGE_CHANNEL;
    return IT_TURN_MESSAGE_OTHER;
}

int it_turn_channel_read(it_bytes d, uint16_t *number, it_bytes *data)
{
    if (d.n < IT_TURN_CHANNEL_HEAD)
        return IT_ERR_PARSE;
    size_t n = it_get16(d.p + 2);
    *number = it_get16(d.p);
    if (!it_turn_channel_valid(*number) || n > d.n - IT_TURN_CHANNEL_HEAD)
        return IT_ERR_PARSE;
    *data = it_bytes_of(d.p + IT_TURN_CHANNEL_HEAD, n);
    return 0;
}
