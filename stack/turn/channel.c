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

enum it_turn_message it_turn_message_kind_5766(it_bytes d)
{
    if (d.n && d.p[0] >= 80 && d.p[0] <= 127)
        return IT_TURN_MESSAGE_CHANNEL;
    return it_turn_message_kind(d);
}

int it_turn_channel_read_5766(it_bytes d, uint16_t *number, it_bytes *data)
{
    if (d.n < IT_TURN_CHANNEL_HEAD)
        return IT_ERR_PARSE;
    size_t n = it_get16(d.p + 2);
    *number = it_get16(d.p);
    if (*number < IT_TURN_CHANNEL_FIRST || *number > IT_TURN_CHANNEL_LAST_5766 || n > d.n - IT_TURN_CHANNEL_HEAD)
        return IT_ERR_PARSE;
    *data = it_bytes_of(d.p + IT_TURN_CHANNEL_HEAD, n);
    return 0;
}

int it_turn_channel_read(it_bytes d, uint16_t *number, it_bytes *data)
{
    int err = it_turn_channel_read_5766(d, number, data);
    if (err < 0)
        return err;
    return it_turn_channel_valid(*number) ? 0 : IT_ERR_PARSE;
}
