"use strict";
// The Node half of jsii_kernel.py, preloaded into the jsii kernel. The provider's lib/index.js requires all of its
// 2,200 modules at once, which takes seconds; here each is required when it is first used. An index that looks
// different is loaded as it is: slow, and right.
const fs = require("node:fs");
const extensions = require("node:module")._extensions;

const INDEX = /[\\/]@(cdktf|cdktn)[\\/]provider-aws[\\/](?:.*[\\/])?lib[\\/]index\.js$/;
// CDK Terrain's index has __importStar around it, which adds a default export that nothing uses.
const EAGER_EXPORT = /^exports\.(\w+) = (?:__importStar\()?require\(("[^"\n]+")\)+;$/gm;
const SOURCE_MAP = /^\/\/# sourceMappingURL=.*$/m;

const compile = extensions[".js"];
extensions[".js"] = function (module, filename) {
  if (!INDEX.test(filename)) return compile(module, filename);
  const source = fs
    .readFileSync(filename, "utf8")
    .replace(SOURCE_MAP, "")
    .replace(
      EAGER_EXPORT,
      (_, name, path) =>
        `Object.defineProperty(exports, "${name}", { configurable: true, enumerable: true, get: () => require(${path}) });`,
    );
  module._compile(source, filename);
};
