"""The served OpenAPI document is valid, and it is the committed one: `document.py <openapi.json>`."""

import json
import sys
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

from service import Checks, call


def main():
    checks = Checks("OpenAPI")
    served = call("GET", "/openapi.json")
    checks.check("is served without a token", served.status == 200, served.status)
    problems = [str(problem) for problem in OpenAPIV31SpecValidator(served.json).iter_errors()]
    checks.check("is a valid OpenAPI 3.1 document", not problems, problems)
    committed = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    checks.check("is the committed one", served.json == committed)
    checks.end()


if __name__ == "__main__":
    main()
