/* The table of status codes. */
#include "stack/rtmfp/flash/status.h"

#include "base/err.h"

static const struct {
    const char *name;
    bool error;
} CODES[IT_RTMFP_CODES] = {
    [IT_RTMFP_NC_SUCCESS] = {"NetConnection.Connect.Success", false},
    [IT_RTMFP_NC_FAILED] = {"NetConnection.Connect.Failed", true},
    [IT_RTMFP_NC_REJECTED] = {"NetConnection.Connect.Rejected", true},
    [IT_RTMFP_NC_CLOSED] = {"NetConnection.Connect.Closed", false},
    [IT_RTMFP_NC_NETWORK_CHANGE] = {"NetConnection.Connect.NetworkChange", false},
    [IT_RTMFP_NS_SUCCESS] = {"NetStream.Connect.Success", false},
    [IT_RTMFP_NS_FAILED] = {"NetStream.Connect.Failed", true},
    [IT_RTMFP_NS_REJECTED] = {"NetStream.Connect.Rejected", true},
    [IT_RTMFP_NS_CLOSED] = {"NetStream.Connect.Closed", false},
    [IT_RTMFP_PLAY_RESET] = {"NetStream.Play.Reset", false},
    [IT_RTMFP_PLAY_START] = {"NetStream.Play.Start", false},
    [IT_RTMFP_PLAY_STOP] = {"NetStream.Play.Stop", false},
    [IT_RTMFP_PLAY_PUBLISH] = {"NetStream.Play.PublishNotify", false},
    [IT_RTMFP_PLAY_UNPUBLISH] = {"NetStream.Play.UnpublishNotify", false},
    [IT_RTMFP_PLAY_FAILED] = {"NetStream.Play.Failed", true},
    [IT_RTMFP_PUBLISH_START] = {"NetStream.Publish.Start", false},
    [IT_RTMFP_PUBLISH_BAD_NAME] = {"NetStream.Publish.BadName", true},
    [IT_RTMFP_UNPUBLISH_SUCCESS] = {"NetStream.Unpublish.Success", false},
};

const char *it_rtmfp_code_name(enum it_rtmfp_code code)
{
    IT_ASSERT(code < IT_RTMFP_CODES);
    return CODES[code].name;
}

bool it_rtmfp_code_error(enum it_rtmfp_code code)
{
    IT_ASSERT(code < IT_RTMFP_CODES);
    return CODES[code].error;
}

enum it_rtmfp_code it_rtmfp_code_of(it_bytes name)
{
    for (int i = 0; i < IT_RTMFP_CODES; i++)
        if (it_bytes_eq(name, it_bytes_str(CODES[i].name)))
            return (enum it_rtmfp_code)i;
    return IT_RTMFP_CODES;
}
