# Examples for `semgrep scan --test`: what the rule must find, and what it must leave alone.
import logging

logger = logging.getLogger()


class Handler:
    def answer(self, event, request):
        # ruleid: no-body-in-a-log
        logger.info("received %s", event["body"])
        text = f"received {request.body}"
        # ruleid: no-body-in-a-log
        logging.warning(text)
        # ruleid: no-body-in-a-log
        self.telemetry.note(body=request.body.decode())
        instances = self.parse(event)
        # ruleid: no-body-in-a-log
        self.telemetry.logger.error("failed", extra={"first": instances[0]})
        # ruleid: no-body-in-a-log
        print(event.get("authorizationToken", ""))
        # ok: no-body-in-a-log
        logger.info("received %d bytes", len(event["body"]))
        # ok: no-body-in-a-log
        self.telemetry.note(rows=len(instances), route=event["resource"])
        # ok: no-body-in-a-log
        return self.predict(request.body)
