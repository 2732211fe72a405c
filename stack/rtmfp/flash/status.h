/* The status codes of NetConnections and NetStreams, by their names in the Flash reference ("NetStream.Play.Start"),
 * and what of each is an error. One table; nothing else compares names. */
#ifndef IT_STACK_RTMFP_FLASH_STATUS_H
#define IT_STACK_RTMFP_FLASH_STATUS_H

#include "base/bytes.h"

enum it_rtmfp_code {
    IT_RTMFP_NC_SUCCESS,        /* NetConnection.Connect.Success: the server has taken "connect" */
    IT_RTMFP_NC_FAILED,         /* .Failed: no session with the server within its time */
    IT_RTMFP_NC_REJECTED,       /* .Rejected: the server said no */
    IT_RTMFP_NC_CLOSED,         /* .Closed: the connection is gone, by whomever */
    IT_RTMFP_NC_NETWORK_CHANGE, /* .NetworkChange: an interface has come or gone; informational */
    IT_RTMFP_NS_SUCCESS,        /* NetStream.Connect.Success: the session with the peer is open */
    IT_RTMFP_NS_FAILED,         /* .Failed: it did not open within its time */
    IT_RTMFP_NS_REJECTED,       /* .Rejected: the publisher refused this subscriber */
    IT_RTMFP_NS_CLOSED,         /* .Closed: the far end has gone */
    IT_RTMFP_PLAY_RESET,        /* NetStream.Play.Reset */
    IT_RTMFP_PLAY_START,        /* .Start */
    IT_RTMFP_PLAY_STOP,         /* .Stop */
    IT_RTMFP_PLAY_PUBLISH,      /* .PublishNotify: somebody publishes now what is played */
    IT_RTMFP_PLAY_UNPUBLISH,    /* .UnpublishNotify: not any more */
    IT_RTMFP_PLAY_FAILED,       /* .Failed: the server cannot */
    IT_RTMFP_PUBLISH_START,     /* NetStream.Publish.Start */
    IT_RTMFP_PUBLISH_BAD_NAME,  /* .BadName: another publishes under it */
    IT_RTMFP_UNPUBLISH_SUCCESS, /* NetStream.Unpublish.Success */
    IT_RTMFP_CODES              /* none of them */
};

/* Its name, static storage, and whether its level is "error"; else it is "status". */
const char *it_rtmfp_code_name(enum it_rtmfp_code code);
bool it_rtmfp_code_error(enum it_rtmfp_code code);
/* The code of |name|; IT_RTMFP_CODES when there is none. */
enum it_rtmfp_code it_rtmfp_code_of(it_bytes name);

#endif
